import type { Reproduction, ReroutedChoices } from '../contract/reproduction.ts';
import { counted, formatCount, listed } from './numbers.ts';

/** Two digits of a difference of log-probabilities or logits. */
export const printedScore = (score: number): string => Number(score.toPrecision(2)).toString();

/** Experts named one by one; more are counted. */
const MOST_EXPERTS = 6;

const expertsWords = (experts: readonly number[]): string =>
  experts.length > MOST_EXPERTS
    ? counted(experts.length, 'expert')
    : `${experts.length === 1 ? 'expert' : 'experts'} ${listed(experts.map(String))}`;

const nearestWords = ({ nearest }: ReroutedChoices): string => {
  if (nearest === null) return 'Which of two nearly equal router logits is larger can depend on the processor.';
  const { item, taken, left, distance, isRounding } = nearest;
  const logits = `router logits of experts ${taken} and ${left} are ${printedScore(distance)} apart`;
  return isRounding
    ? `At one token of item ${item} the ${logits}: rounding decides between them.`
    : `Where they are closest, in item ${item}, the ${logits}, which is more than rounding.`;
};

const reroutedWords = (rerouted: ReroutedChoices): string => {
  const { model, task, choices, of, layer, from, to } = rerouted;
  return (
    `On the calibration items of ${task}, ${formatCount(choices)} of ${formatCount(of)} routed choices of ${model} ` +
    `${choices === 1 ? 'went to another expert' : 'went to other experts'} ` +
    `(MoE layer ${layer}: ${expertsWords(to)} instead of ${expertsWords(from)}). ${nearestWords(rerouted)}`
  );
};

/** Why numbers differ, as far as the profiles show it: other routed choices, other plans, other results. */
export const causeWords = ({
  rerouted = [],
  unexplained,
}: Pick<Reproduction, 'rerouted' | 'unexplained'>): readonly string[] => {
  if (rerouted.length === 0 || unexplained === undefined) return [];
  const share =
    unexplained === 0
      ? 'Every difference is in these profiles, in plans made from them, or in results of these plans.'
      : `${counted(unexplained, 'difference is', 'differences are')} neither in these profiles nor in plans made ` +
        'from them or in results of these plans.';
  return [...rerouted.map(reroutedWords), share];
};
