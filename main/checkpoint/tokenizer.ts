/** Text <-> token ids by a checkpoint's own tokenizer.json. */
export interface TextTokenizer {
  /** `special`: add what the post-processor adds (a BOS, where it adds one). */
  encode(text: string, special: boolean): readonly number[];
  decode(ids: readonly number[]): string;
  /** BOS, or EOS where there is no BOS: what stands before a text that has no context; null where neither is known. */
  readonly prefixToken: number | null;
}
