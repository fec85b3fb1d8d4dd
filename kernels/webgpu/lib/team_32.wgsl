// Who works on a row together: a small workgroup, for heads and for routers.
// uses: reduce

const WG = 32u;
