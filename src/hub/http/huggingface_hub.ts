// Loads @huggingface/hub when the API is first asked: programs that stay offline do not pay for it.

let loading: Promise<typeof import("@huggingface/hub")> | undefined;

export function huggingfaceHub(): Promise<typeof import("@huggingface/hub")> {
  loading ??= import("@huggingface/hub");
  return loading;
}
