import { refuse } from '../contract/errors.ts';
import {
  ALL_CANARY_CHARACTERS,
  type Canaries,
  canaries,
  CANARY_CHARACTERS,
  type FitCanaries,
  type FitDocument,
  MOST_CANARIES,
} from '../contract/fit.ts';
import type { Plan } from '../contract/plan.ts';
import { conformalP, discoveries } from '../statistics/p-values.ts';
import { counted } from '../words/numbers.ts';
import { expertsThatStay } from './dropped-share.ts';

/** The most exposed share of the probes is tested, against the least exposed share. */
const TESTED_SHARE = 0.2;
const CONTROL_SHARE = 0.6;

/** Expected share of false findings among the probes that are named. */
export const FALSE_DISCOVERY_RATE = 0.1;

/** A smaller loss of a probe, in nats, counts as none: an answer keeps at least 90 % of its probability. */
export const TELLING_CANARY_LOSS = 0.1;

/** Fewer probes leave too few controls. */
export const FEWEST_PROBES = 50;

/** A probe in its two parts; without a context the whole text is scored. */
export interface Probe {
  readonly id: string;
  readonly context: string;
  readonly answer: string;
}

/**
 * Probes of lines: a text, or a context and its answer with a tab between them; `\n` is a line break. Blank lines are
 * skipped; ids are line numbers.
 *
 * @throws WorkbenchError `bad-probe`, `too-few-probes`, `mixed-probes`, `empty-probe`, `duplicate-probes`.
 */
export const probesOf = (lines: readonly string[]): readonly Probe[] => {
  const probes = lines.flatMap((line, index): readonly Probe[] => {
    if (line.trim() === '') return [];
    const [context, answer, ...more] = line.replaceAll('\\n', '\n').split('\t');
    const id = `line ${index + 1}`;
    if (more.length > 0 || context === '')
      throw refuse(
        'bad-probe',
        `The canary of ${id} has ${context === '' ? 'nothing before its tab' : 'more than one tab'}.`,
        'Give a text, or a context, one tab and an answer.',
      );
    return [answer === undefined ? { id, context: '', answer: context ?? '' } : { id, context: context ?? '', answer }];
  });
  if (probes.length < FEWEST_PROBES)
    throw refuse(
      'too-few-probes',
      `There are ${probes.length} canaries, and ${FEWEST_PROBES} are the fewest.`,
      'Give more lines: most of them serve as controls.',
    );
  const [first] = probes;
  const mixed = probes.find(({ context }) => (context === '') !== (first?.context === ''));
  if (mixed !== undefined)
    throw refuse(
      'mixed-probes',
      `The canary of ${mixed.id} has ${mixed.context === '' ? 'no' : 'a'} context before a tab, unlike the first one.`,
      'Give every line a context, a tab and an answer, or none.',
    );
  const empty = probes.find(({ answer }) => answer.trim() === '');
  if (empty !== undefined)
    throw refuse('empty-probe', `The canary of ${empty.id} has no answer after its tab.`, 'Write one.');
  const texts = new Map<string, string>();
  for (const { id, context, answer } of probes) {
    const before = texts.get(`${context}\t${answer}`);
    if (before !== undefined)
      throw refuse('duplicate-probes', `The canaries of ${before} and ${id} are equal.`, 'Leave one of them out.');
    texts.set(`${context}\t${answer}`, id);
  }
  return probes;
};

/**
 * Own canaries, if they are few and short enough.
 *
 * @throws WorkbenchError `canaries-too-long`, and as `probesOf`.
 */
export const requireCanaries = (given: Extract<Canaries, { source: 'own' }>): Canaries => {
  const lines = given.lines.filter((line) => line.trim() !== '');
  if (!canaries.safeParse({ ...given, lines }).success)
    throw refuse(
      'canaries-too-long',
      `There are ${lines.length} canaries, the longest of ` +
        `${lines.reduce((most, line) => Math.max(most, line.length), 0)} characters; the most are ` +
        `${MOST_CANARIES} of ${CANARY_CHARACTERS} characters, and ` +
        `${ALL_CANARY_CHARACTERS} in all.`,
      'Give fewer or shorter lines.',
    );
  probesOf(lines);
  return { ...given, lines };
};

/**
 * Share of a sequence's routed choices that fall on experts which a plan removes; 0 where nothing is routed. `experts`
 * [L, T, K]: chosen experts in original numbering, -1 for none.
 */
export const exposureOf = (experts: ArrayLike<number>, layers: number, plan: Plan): number => {
  const perLayer = experts.length / Math.max(1, layers);
  let [all, gone] = [0, 0];
  for (let layer = 0; layer < layers; layer += 1) {
    const stay = new Set(expertsThatStay(plan, layer));
    for (let at = layer * perLayer; at < (layer + 1) * perLayer; at += 1) {
      const expert = experts[at] ?? -1;
      if (expert < 0) continue;
      all += 1;
      if (!stay.has(expert)) gone += 1;
    }
  }
  return all === 0 ? 0 : gone / all;
};

/** A probe with what pruning condemns of its routing, and what it loses. */
export interface MeasuredProbe extends Probe {
  /** 0 to 1. */
  readonly exposure: number;
  /** Log-probability that its answer loses against the unpruned model, nats; of a text per token. */
  readonly loss: number;
}

/** The probes by falling exposure; among equals the earlier line first. */
const byExposure = <P extends Pick<MeasuredProbe, 'exposure'>>(probes: readonly P[]): readonly P[] =>
  [...probes].sort((left, right) => right.exposure - left.exposure);

/** The most exposed probes, which are tested, and the least exposed ones, which are their controls. */
export const partsByExposure = <P extends Pick<MeasuredProbe, 'exposure'>>(
  probes: readonly P[],
): { readonly tested: readonly P[]; readonly controls: readonly P[] } => {
  const sorted = byExposure(probes);
  return {
    tested: sorted.slice(0, Math.round(TESTED_SHARE * probes.length)).filter(({ exposure }) => exposure > 0),
    controls: sorted.slice(sorted.length - Math.round(CONTROL_SHARE * probes.length)),
  };
};

const middleOf = (values: readonly number[]): number => {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

/**
 * The probes that lost more than probes which hardly use the removed experts. Each tested probe has a conformal p
 * against all controls (1 for a loss too small to tell of); Benjamini and Hochberg's procedure keeps the expected share
 * of false findings at `FALSE_DISCOVERY_RATE`. What breaks all probes alike, controls too, is not found: its size is
 * `controlLoss`.
 */
export const changedProbes = (source: FitCanaries['source'], probes: readonly MeasuredProbe[]): FitCanaries => {
  const { tested, controls } = partsByExposure(probes);
  const losses = controls.map(({ loss }) => loss);
  const ps = tested.map(({ loss }) => (loss < TELLING_CANARY_LOSS ? 1 : conformalP(loss, losses)));
  const changed = discoveries(ps, FALSE_DISCOVERY_RATE).flatMap((index) => {
    const [probe, p] = [tested[index], ps[index]];
    if (probe === undefined || p === undefined) return [];
    const { id, context, answer, exposure, loss } = probe;
    return [{ id, context, answer, exposure, loss, p }];
  });
  return {
    source,
    probes: probes.length,
    tested: tested.length,
    controls: controls.length,
    losing: probes.filter(({ loss }) => loss >= TELLING_CANARY_LOSS).length,
    controlLoss: middleOf(losses),
    controlExposure: controls[0]?.exposure ?? 0,
    testedExposure: tested.at(-1)?.exposure ?? 0,
    changed: changed.sort((left, right) => right.loss - left.loss),
  };
};

/** The most changed canaries that are named. */
const NAMED_CANARIES = 20;

const sharePercent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const quoted = (text: string): string => text.trim().replaceAll('\n', '\\n');

/** Which probes of other skills changed, of how many, and how that was decided. */
export const canaryWords = ({ canaries }: Pick<FitDocument, 'canaries'>): readonly string[] => {
  if (canaries === undefined) return [];
  const found = changeWords(canaries);
  if (canaries.leftOut === undefined) return found;
  const left = counted(canaries.leftOut, 'other canary', 'other canaries');
  return [...found, `The tokenizer leaves the answers of ${left} no token of their own: not measured.`];
};

const changeWords = (canaries: FitCanaries): readonly string[] => {
  const { probes, tested, controls, controlLoss, controlExposure, testedExposure, losing, changed } = canaries;
  const all = counted(probes, 'canary', 'canaries');
  if (tested === 0) return [`None of ${all} routes a token to an expert that was given up: no test is needed.`];
  return [
    `${changed.length} of ${all} changed.`,
    ...changed.slice(0, NAMED_CANARIES).map(({ context, answer, loss, exposure }) => {
      const text = context === '' ? quoted(answer) : `${quoted(context)} \u2192 ${quoted(answer)}`;
      return (
        `\u201c${text}\u201d lost ${loss.toFixed(2)} nats; ${sharePercent(exposure)} of its routed choices went to ` +
        'experts that were given up.'
      );
    }),
    ...(changed.length > NAMED_CANARIES ? [`And ${changed.length - NAMED_CANARIES} more.`] : []),
    `Tested were the ${tested} most exposed (at least ${sharePercent(testedExposure)} of their routed ` +
      `choices given up), each against the ${controls} least exposed (at most ` +
      `${sharePercent(controlExposure)}). In the mean at most ${100 * FALSE_DISCOVERY_RATE} % of those named ` +
      'are named by chance. In all, ' +
      `${losing} lost ${TELLING_CANARY_LOSS} nats or more, tested or not.`,
    ...(controlLoss < TELLING_CANARY_LOSS
      ? []
      : [
          `The controls are harmed too: half of them lost ${controlLoss.toFixed(2)} nats or more. What breaks all ` +
            'canaries alike is not found, so more may have changed than are named.',
        ]),
  ];
};
