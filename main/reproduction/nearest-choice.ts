import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { RoutingRule } from '../checkpoint/descriptor.ts';
import type { NearestChoice, ReroutedChoices } from '../contract/reproduction.ts';
import type { TaskItem } from '../contract/task.ts';
import { profileSequences } from '../inference/encode-item.ts';
import type { ModelRunner, RunControl } from '../inference/model-runner.ts';
import { ROUNDING } from './rounding.ts';

/** Items whose logits are held at once. */
const ITEMS_AT_ONCE = 16;

/** Whether the experts with the largest router logits are chosen. */
const isByLogits = (routing: RoutingRule): boolean =>
  routing.kind === 'scores' && routing.correction === null && routing.groups === null && routing.table === null;

/**
 * The smallest distance of two router logits, over the tokens of calibration items that take an expert that is chosen
 * more often than in the first run, and not one that is chosen less often; null where routing does not follow from
 * logits alone, or no token does so.
 */
export const nearestChoice = async (
  runner: Pick<ModelRunner, 'checkpoint' | 'forward'>,
  tokenizer: TextTokenizer,
  items: readonly TaskItem[],
  { layer, from, to }: Pick<ReroutedChoices, 'layer' | 'from' | 'to'>,
  control: RunControl,
): Promise<NearestChoice | null> => {
  const { descriptor, info } = runner.checkpoint;
  const routing = descriptor.moeLayers[layer]?.moe.routing;
  if (routing === undefined || !isByLogits(routing)) return null;
  let nearest: NearestChoice | null = null;
  for (let first = 0; first < items.length; first += ITEMS_AT_ONCE) {
    const sequences = items
      .slice(first, first + ITEMS_AT_ONCE)
      .flatMap((item) =>
        profileSequences(tokenizer, item, descriptor.maxPositions).map((tokens) => ({ item: item.id, tokens })),
      );
    const results = await runner.forward(
      sequences.map(({ tokens }) => tokens),
      null,
      control,
    );
    for (const [index, { routerLogits, experts }] of results.entries()) {
      const { item = '', tokens = [] } = sequences[index] ?? {};
      const [rows, topK] = [routerLogits, experts].map(({ length }) => length / (info.moeLayers * tokens.length));
      if (rows === undefined || topK === undefined) continue;
      for (let token = 0; token < tokens.length; token += 1) {
        const at = layer * tokens.length + token;
        const chosen = new Set(experts.subarray(at * topK, (at + 1) * topK));
        const logitOf = (expert: number): number => routerLogits[at * rows + expert] ?? Number.NaN;
        for (const taken of to.filter((expert) => chosen.has(expert))) {
          for (const left of from.filter((expert) => !chosen.has(expert))) {
            const distance = Math.abs(logitOf(taken) - logitOf(left));
            if (nearest === null || distance < nearest.distance)
              nearest = { item, taken, left, distance, isRounding: distance <= ROUNDING.logit };
          }
        }
      }
    }
  }
  return nearest;
};
