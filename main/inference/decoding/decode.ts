import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { refuse } from '../../contract/errors.ts';
import type { ResolvedCandidate } from '../executor.ts';
import type { DecodedRow, RowToDecode, RunControl } from '../model-runner.ts';
import { GroupDecoder } from './decode-group.ts';
import { fittingGroups, type DecodingGroup } from './decoding-group.ts';
import type { DecodingEngine } from './run-step.ts';

export interface DecodingSettings {
  /** Padded tokens of prompts that run together. */
  readonly slots: number;
}

/**
 * Continuations of rows, each yielded as soon as it ends (in no fixed order; `row` is its index in `rows`).
 *
 * A row is one prompt under one candidate. All candidates that only drop experts are written together in one batch: the
 * router's mask is a vector per token, so weights are read once for all of them. Candidates with other weights (merged,
 * refitted) follow in groups of their own. Prompts run once; the common beginning of most prompts (a few-shot prefix)
 * runs once per candidate, and its keys and values are stored once. Keys and values count against the memory budget:
 * rows wait for free memory. Unless a row chooses for itself, the token with the largest logit is chosen, the lowest of
 * equal ones.
 *
 * `control.onProgress` counts tokens x blocks, of prompts and of the maximum of new tokens; a row that ends early
 * counts in full.
 *
 * @throws WorkbenchError `bad-token`, `bad-length` (a prompt that is empty, or exceeds the model's positions together
 * with its new tokens), `too-large` (one row does not fit into the memory budget): all before anything runs;
 * CancelledError.
 */
export async function* decode(
  engine: DecodingEngine,
  rows: readonly RowToDecode[],
  candidates: readonly ResolvedCandidate[],
  { slots }: DecodingSettings,
  control: RunControl,
): AsyncGenerator<DecodedRow> {
  checkRows(engine.model, rows, candidates);
  const groups = fittingGroups(engine.model, rows, candidates, engine.pool.spareBytes);
  const total = groups.reduce((sum, group) => sum + workOf(group), 0) * engine.model.blocks.length;
  let done = 0;
  const advance = (tokens: number): void => {
    done += tokens;
    control.onProgress?.(done, total);
  };
  try {
    for (const group of groups) {
      yield* new GroupDecoder(engine, group, { signal: control.signal, slots, advance }).run();
      await engine.pool.closeMerged();
    }
  } finally {
    await engine.pool.closeMerged();
  }
}

/** Maximum number of tokens that pass through the blocks. */
const workOf = ({ candidates, prefix, rows }: DecodingGroup): number =>
  rows.reduce(
    (sum, { tokens, shared, mostNewTokens }) => sum + tokens.length - shared + mostNewTokens - 1,
    candidates.length * prefix.length,
  );

/** @throws WorkbenchError `bad-token` or `bad-length`. */
export const checkRows = (
  model: ModelDescriptor,
  rows: readonly RowToDecode[],
  candidates: readonly { readonly key: string }[],
): void => {
  rows.forEach((row, index) => {
    checkRow(model, row, index);
  });
  const keys = new Set(candidates.map(({ key }) => key));
  const stranger = rows.find(({ candidate }) => !keys.has(candidate));
  if (stranger !== undefined) throw new Error(`no candidate "${stranger.candidate}"`);
};

const checkRow = (
  { vocabulary, maxPositions }: ModelDescriptor,
  { tokens, mostNewTokens }: RowToDecode,
  index: number,
): void => {
  const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabulary);
  if (wrong !== undefined) {
    throw refuse(
      'bad-token',
      `prompt ${index}: token ${wrong} is outside the vocabulary (0 to ${vocabulary - 1}).`,
      "Encode the text with this model's tokenizer.",
    );
  }
  if (!Number.isInteger(mostNewTokens) || mostNewTokens < 1) {
    throw refuse(
      'bad-length',
      `prompt ${index}: ${mostNewTokens} new tokens cannot be generated.`,
      'Ask for one or more.',
    );
  }
  if (tokens.length === 0 || tokens.length + mostNewTokens > maxPositions) {
    throw refuse(
      'bad-length',
      `prompt ${index} has ${tokens.length} tokens and ${mostNewTokens} are to ` +
        `follow; the model has ${maxPositions} positions, and a prompt needs one at least.`,
      'Shorten the prompt, or ask for fewer new tokens.',
    );
  }
};
