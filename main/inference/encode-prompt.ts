import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';

/**
 * Tokens of a text with the tokenizer's own special tokens, as lm-evaluation-harness 0.4.13 encodes prompts: a text
 * that begins with the BOS token's own text (a chat template wrote it) gets no second one.
 */
export const encodePrompt = (tokenizer: TextTokenizer, text: string): readonly number[] => {
  const prefix = tokenizer.prefixToken === null ? '' : tokenizer.decode([tokenizer.prefixToken]);
  return tokenizer.encode(text, prefix === '' || !text.startsWith(prefix));
};
