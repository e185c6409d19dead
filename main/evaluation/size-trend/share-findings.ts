import type { Finding, ShareTrend, SlopeOverExperts } from '../../contract/size-trend.ts';
import { methodInProse } from '../../words/methods.ts';
import {
  bareFactor,
  counted,
  formatDifference,
  formatDifferenceInUnit,
  formatInterval,
  formatPercent,
  listed,
} from '../../words/numbers.ts';
import { clauses, withOverall } from './findings.ts';

const slopeText = ({ slope, low, high }: SlopeOverExperts): string =>
  `${formatDifferenceInUnit(slope, 'acc')} per doubling of E ${formatInterval({ low, high }, 'acc')}`;

const verdictOf = ({ side, isDecidable }: ShareTrend): Finding['verdict'] =>
  side === 0 || !isDecidable ? 'cannot-tell' : side > 0 ? 'supported' : 'opposed';

const words = ({ side, isDecidable }: ShareTrend): string => {
  if (side === 0) return 'whether a larger E loses less or more cannot be determined';
  const loses = `a larger E loses ${side > 0 ? 'less' : 'more'}`;
  return isDecidable ? loses : `in these models ${loses}; so few trainings cannot tell that from chance`;
};

const drawsText = ({ draws, drawSlopes: { lowest, highest } }: ShareTrend): string =>
  draws === 1
    ? ''
    : `; of ${draws} single draws ${formatDifference(lowest, 'acc')} to ${formatDifference(highest, 'acc')}`;

const factorText = ({ equalFactor }: ShareTrend): string => {
  if (equalFactor === null) return '';
  const { factor, sizes, ...slope } = equalFactor;
  return (
    ` At an equal factor of ${bareFactor(factor)} it changes by ${slopeText(slope)}, while that factor drops ` +
    `${listed(sizes.map(({ share }) => formatPercent(share)))} of the routed choices at E = ` +
    `${listed(sizes.map(({ experts }) => String(experts)))}.`
  );
};

const sentenceOf = (trend: ShareTrend): string =>
  `By ${methodInProse(trend.method)}, at an equal dropped share the difference to the unpruned model changes by ` +
  `${slopeText(trend.atEqualShare)} (95 % interval over ${counted(trend.models, 'model')}; mean over ` +
  `${counted(trend.tasks, 'task')} and the shares that every model reaches${drawsText(trend)}): ${words(trend)}.` +
  factorText(trend);

const predicateOf = (trend: ShareTrend): string => {
  switch (verdictOf(trend)) {
    case 'supported':
      return 'loses less';
    case 'opposed':
      return 'loses more';
    default:
      return 'cannot be shown to lose less or more';
  }
};

/** Whether a larger E loses less at an equal dropped share: a sentence over all methods, and one for each. */
export const shareFindings = (trends: readonly ShareTrend[]): Finding[] => {
  if (trends.length === 0) return [];
  const findings = trends.map((trend) => ({
    chart: 'loss-over-share' as const,
    method: trend.method,
    verdict: verdictOf(trend),
    sentence: sentenceOf(trend),
    p: null,
    counts: null,
  }));
  const parts = trends.map((trend) => ({
    predicate: predicateOf(trend),
    subject: `${methodInProse(trend.method)} (${slopeText(trend.atEqualShare)})`,
  }));
  const sentence = `At an equal dropped share of the routed choices, a larger E ${clauses(parts)}.`;
  return withOverall('loss-over-share', sentence, findings);
};
