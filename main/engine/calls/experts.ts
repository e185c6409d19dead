import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { refuse } from '../../contract/errors.ts';
import type { Likeness } from '../../contract/profile.ts';
import { expertWeightLikeness } from '../../inference/weight-likeness.ts';
import { readWeights } from '../../jobs/source-gate.ts';
import { requireTokenizer } from '../../jobs/task-work.ts';
import { expertTokens, type TokenReader } from '../../profile/expert-tokens.ts';
import { emptyRoutingStatistics } from '../../profile/routing-statistics.ts';
import { tokenReader } from '../../profile/token-reader.ts';
import { expertAffinity } from '../../pruning/clustering/affinity.ts';
import { OPTIONAL_STATISTICS, PROFILED, type ProfileParts } from '../../workspace/profile-file.ts';
import { profiledHash } from '../../tasks/kept-facts.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { openRunTasks } from '../run-subjects.ts';
import { askableTasks, storedProfileParts } from './profiles.ts';

/** Maximum number of companions and of similar experts in an answer. */
const MOST_OTHERS = 8;

interface Asked {
  readonly model: Parameters<EngineContext['handles']['resolve']>[0];
  readonly task: Parameters<EngineContext['handles']['resolve']>[0];
  readonly chat?: boolean | undefined;
}

const requireExpert = (layers: number, experts: number, layer: number, expert: number): void => {
  if (layer < layers && expert < experts) return;
  throw refuse(
    'no-such-expert',
    `Layer ${layer}, expert ${expert}: the model has ${layers} MoE layers of ${experts} experts.`,
    'Choose a cell of its map.',
  );
};

/** The other experts by falling similarity. */
const mostLike = (cosines: ArrayLike<number>, expert: number): Likeness[] =>
  Array.from(cosines, (cosine, other) => ({ expert: other, cosine }))
    .filter((other) => other.expert !== expert)
    .sort((a, b) => b.cosine - a.cosine || a.expert - b.expert)
    .slice(0, MOST_OTHERS);

/** Row of an expert in a layer's [E, E] statistic. */
const rowOf = (square: Float64Array, expert: number, experts: number): Float64Array =>
  square.subarray(expert * experts, (expert + 1) * experts);

const likeByRouter = async (parts: ProfileParts, layer: number, expert: number): Promise<Likeness[]> => {
  const one = emptyRoutingStatistics(1, parts.experts, parts.topK);
  one.logitGram.set(await parts.required(PROFILED.logitGram, layer));
  // The affinity is (1 + cosine) / 2.
  const affinity = rowOf(expertAffinity('centred-cosine', one, 0), expert, parts.experts);
  return mostLike(
    affinity.map((value) => 2 * value - 1),
    expert,
  );
};

const likeByOutput = async (parts: ProfileParts, layer: number, expert: number): Promise<Likeness[] | null> => {
  const sums = await parts.layer(OPTIONAL_STATISTICS.everywhereCosineSum, layer);
  if (sums === undefined) return null;
  return mostLike(
    rowOf(sums, expert, parts.experts).map((sum) => sum / Math.max(1, parts.tokens)),
    expert,
  );
};

/** Answers for the panel of one expert, from its layer's part of a profile. */
export const expertCalls = (context: EngineContext): AnswersTo<'expert'> => {
  const opened = async ({ model, task, chat }: Asked) => {
    const checkpoint = await context.checkpoint(context.handles.resolve(model));
    const [asked] = await askableTasks(context, checkpoint, await openRunTasks(context, [task]), chat);
    const stored = async (extras: Parameters<typeof storedProfileParts>[3]): Promise<ProfileParts | null> =>
      asked === undefined ? null : storedProfileParts(context, checkpoint, profiledHash(asked.task), extras);
    return { checkpoint, stored };
  };
  // Opening a large tokenizer takes a second, and users step from expert to expert.
  let lastReader: { readonly of: Checkpoint; readonly reader: Promise<TokenReader> } | null = null;
  const readerOf = (checkpoint: Checkpoint): Promise<TokenReader> => {
    // A changed folder is opened again, as another object.
    if (lastReader?.of !== checkpoint)
      lastReader = { of: checkpoint, reader: requireTokenizer(checkpoint).then(tokenReader) };
    return lastReader.reader;
  };
  return {
    'expert.read': async ({ layer, expert, ...asked }) => {
      const { checkpoint, stored } = await opened(asked);
      const parts = await stored([]);
      if (parts === null) return { found: null };
      requireExpert(parts.layers, parts.experts, layer, expert);
      const counts = await parts.required(PROFILED.counts, layer);
      const both = rowOf(await parts.required(PROFILED.coactivation, layer), expert, parts.experts);
      const chosen = counts[expert] ?? 0;
      const sample = (await ((await stored(['choices'])) ?? parts).sample(layer)) ?? null;
      return {
        found: {
          tokens: parts.tokens,
          chosen,
          together: Array.from(both, (count, other) => ({
            expert: other,
            both: count,
            share: chosen > 0 ? count / chosen : 0,
            base: parts.tokens > 0 ? (counts[other] ?? 0) / parts.tokens : 0,
          }))
            .filter((other) => other.expert !== expert && other.both > 0)
            .sort((a, b) => b.both - a.both || a.expert - b.expert)
            .slice(0, MOST_OTHERS),
          likeByRouter: await likeByRouter(parts, layer, expert),
          likeByOutput: await likeByOutput((await stored(['every-output'])) ?? parts, layer, expert),
          takes: sample === null ? null : expertTokens(sample, expert, await readerOf(checkpoint)),
        },
      };
    },
    'expert.together': async ({ layer, ...asked }) => {
      const parts = await (await opened(asked)).stored([]);
      if (parts === null) return { found: null };
      requireExpert(parts.layers, parts.experts, layer, 0);
      const both = await parts.required(PROFILED.coactivation, layer);
      const { experts, tokens } = parts;
      return {
        found: { tokens, both: Array.from({ length: experts }, (_, expert) => [...rowOf(both, expert, experts)]) },
      };
    },
    'expert.likeWeights': async ({ model, layer, expert }) => {
      const checkpoint = await context.checkpoint(context.handles.resolve(model));
      const { descriptor } = checkpoint;
      const moe = descriptor.moeLayers[layer]?.moe;
      requireExpert(descriptor.moeLayers.length, moe?.experts ?? 0, layer, expert);
      if (moe === undefined) throw new Error('a layer without experts');
      const cosines = await readWeights(checkpoint, () => expertWeightLikeness(moe, expert));
      return { like: mostLike(cosines, expert) };
    },
  };
};
