// A self-signed certificate for 127.0.0.1 and localhost, good until 2126, and its key, which is no secret.

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
//   -subj "/CN=deadlift tests" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1"
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoDiScbryYnMchOc8
++5TdcqnS2iRO4h0XySLweGKGIahRANCAATMcqqib8PFSrN67GF3Lc77f+Wz1HQg
lHxTJFxoO7pbt3rTzhZSXjRNQcliKHACTFn9IUX82RL5vqz3TmFqPuOk
-----END PRIVATE KEY-----
`;

const cert = `-----BEGIN CERTIFICATE-----
MIIBpDCCAUugAwIBAgIUdNyaGMz/CUvA2Sze9Y+OVA7hZO8wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOZGVhZGxpZnQgdGVzdHMwIBcNMjYxMTIzMDI0MTIyWhgPMjEy
NjEwMzAwMjQxMjJaMBkxFzAVBgNVBAMMDmRlYWRsaWZ0IHRlc3RzMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEzHKqom/DxUqzeuxhdy3O+3/ls9R0IJR8UyRcaDu6
W7d6084WUl40TUHJYihwAkxZ/SFF/NkS+b6s905haj7jpKNvMG0wHQYDVR0OBBYE
FNVw8yvto1sF3LpjOIvGpdijLLVrMB8GA1UdIwQYMBaAFNVw8yvto1sF3LpjOIvG
pdijLLVrMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMAoGCCqGSM49BAMCA0cAMEQCIAk3Vl5Tf9tp+rPCtOe2ClHBHOhgMJ0n5Tbr
N7C0a3hvAiBv4gwzpZe6UqGZIN4WHeDup0kg+Kp67G8KOKkP83l+nQ==
-----END CERTIFICATE-----
`;

/** For HubOptions.tls; clients trust it by `ca: certificate.cert` or NODE_EXTRA_CA_CERTS. */
export const certificate = { key, cert };
