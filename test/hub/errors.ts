// The errors the Hub answers with: status, X-Error-Code, X-Error-Message and a JSON body.

/** Thrown by a route, written by the server. */
export class HubError extends Error {
  constructor(
    readonly status: number,
    readonly code: string | undefined,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

export function repoNotFound(anonymous: boolean): HubError {
  return anonymous
    ? new HubError(401, "RepoNotFound", "Invalid username or password.")
    : new HubError(404, "RepoNotFound", "Repository not found");
}

export function revisionNotFound(revision: string): HubError {
  return new HubError(404, "RevisionNotFound", `Invalid rev id: ${revision}`);
}

export function entryNotFound(path: string, commit: string): HubError {
  return new HubError(404, "EntryNotFound", `Entry not found: ${path}`, { "X-Repo-Commit": commit });
}

export function gatedRepo(anonymous: boolean, id: string, endpoint: string): HubError {
  const start = `Access to model ${id} is restricted`;
  return anonymous
    ? new HubError(
        401,
        "GatedRepo",
        `${start}. You must have access to it and be authenticated to access it. Please log in.`,
      )
    : new HubError(
        403,
        "GatedRepo",
        `${start} and you are not in the authorized list. Visit ${endpoint}/${id} to ask for access.`,
      );
}

export function disabledRepo(): HubError {
  return new HubError(403, undefined, "Access to this resource is disabled.");
}

export function invalidCredentials(): HubError {
  return new HubError(401, undefined, "Invalid credentials in Authorization header");
}

export function badRequest(message: string): HubError {
  return new HubError(400, undefined, message);
}
