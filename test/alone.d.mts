export function alone<T>(path: string, work: () => Promise<T>): Promise<T>;
