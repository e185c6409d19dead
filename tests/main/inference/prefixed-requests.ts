import type { ModelDescriptor } from '../../../main/checkpoint/descriptor.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { ModelRunner, ScoreRequest } from '../../../main/inference/model-runner.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

const SHARING = 8;

/** Requests that fit into a model's positions, 40 or more: some that share a prefix, and one that does not. */
export const prefixedRequests = ({ vocabulary, maxPositions }: ModelDescriptor): readonly ScoreRequest[] => {
  const random = seededRandom(9);
  const length = maxPositions < 64 ? 32 : 40;
  const [mostContext, mostContinuation] = maxPositions < 64 ? [4, 4] : [15, 6];
  const draw = (count: number): readonly number[] => Array.from({ length: count }, () => random.integer(vocabulary));
  const prefix = draw(length);
  const sharing = Array.from({ length: SHARING }, (_, index) => ({
    id: `shares${index}`,
    contextTokens: [...prefix, ...draw(1 + random.integer(mostContext))],
    continuationTokens: draw(1 + random.integer(mostContinuation)),
  }));
  return [...sharing, { id: 'other', contextTokens: draw(length), continuationTokens: draw(4) }];
};

interface Scored {
  readonly logprobs: readonly number[];
  /** Tokens that ran through all blocks. */
  readonly tokens: number;
}

/** Requests in one call, and each in a separate call, where nothing can be shared. */
export const scoreTogether = async (
  runner: ModelRunner,
  requests: readonly ScoreRequest[],
  plan: Plan | null,
): Promise<{ readonly together: Scored; readonly alone: Scored }> => {
  const score = async (list: readonly ScoreRequest[]): Promise<Scored> => {
    let work = 0;
    const results = await runner.score(list, plan, {
      signal: new AbortController().signal,
      onProgress: (done) => {
        work = done;
      },
    });
    return {
      logprobs: results.map(({ logprob }) => logprob),
      tokens: work / runner.checkpoint.descriptor.blocks.length,
    };
  };
  const together = await score(requests);
  const parts: Scored[] = [];
  for (const request of requests) parts.push(await score([request]));
  return {
    together,
    alone: {
      logprobs: parts.flatMap(({ logprobs }) => logprobs),
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
    },
  };
};
