import { curveLabel } from '../contract/method.ts';
import type { RecoveredPoint, SweepFact } from '../contract/sweep-fact.ts';
import type { MetricName } from '../contract/task.ts';
import { bareFactor, formatBytes, formatDifferenceInUnit, listed } from './numbers.ts';
import { refereeWords } from './referee.ts';
import { CURTAILED_NOTE } from './verdicts.ts';

const TEXTS_NOTE =
  'a perplexity has no exact bounds before the last text, so candidates were measured on all of them, up to the ' +
  'first factor that is not safe.';
const PAIRS_NOTE =
  'Recovery is compared with the same plan without it only where both answered every item: the search for ' +
  'thresholds stops the others early.';
const ADAPTIVE_NOTE =
  'Searched counts of kept experts: what bisection found was confirmed by testing every larger count from the ' +
  'largest down, until the first that is not safe. A count that is called safe so is wrong with a chance of at most ' +
  '5 % for its curve at the margin of the sweep; bisection alone would allow 5 % for every unsafe count it visits. ' +
  'At another margin, counts below the confirmed ones have gaps, and that guarantee does not hold for them.';

const named = ({ method, seed, refit, factor, difference }: RecoveredPoint, metric: MetricName): string => {
  const curve = refit === 'experts' ? method : curveLabel(method, refit);
  const plan = seed === null ? curve : `${curve} (seed ${seed})`;
  return `${plan} at factor ${bareFactor(factor)} (${formatDifferenceInUnit(difference, metric)})`;
};

/** The effect of recovery in one sentence. */
export const recoveryWords = (compared: readonly RecoveredPoint[], metric: MetricName): string => {
  const of = (verdict: RecoveredPoint['verdict']): readonly RecoveredPoint[] =>
    compared.filter((point) => point.verdict === verdict);
  const list = (verdict: RecoveredPoint['verdict']): string =>
    of(verdict)
      .map((entry) => named(entry, metric))
      .join(', ');
  const parts = [
    `recovery is better than the same plan without it at ${of('better').length} of ` +
      `${compared.length} points (paired 95 % interval)`,
    ...(of('same').length === 0 ? [] : [`no difference beyond the interval: ${list('same')}`]),
    ...(of('worse').length === 0 ? [] : [`worse: ${list('worse')}`]),
  ];
  return `${parts.join('; ')}.`;
};

/** Counts the computed and the reused steps of a finished job: a job that only read must not claim work. */
export const stepSummary = ({ computed, reused }: { readonly computed: number; readonly reused: number }): string => {
  const total = computed + reused;
  const steps = total === 1 ? 'step' : 'steps';
  return `${computed} of ${total} ${steps} computed, ${reused} reused from disk.`;
};

const gatesWords = ({ model, are }: Extract<SweepFact, { code: 'gates' }>): string => {
  switch (are) {
    case 'unchanged':
      return `The router of ${model} renormalises, or scores each expert alone: gates stay.`;
    case 'trained':
      return `Plans of ${model} have the gates of its unpruned router (trained).`;
    case 'trained-onnx-only':
      return `Plans of ${model} have the gates of its unpruned router (trained), which only ONNX exports hold.`;
    case 'folded':
      return (
        `Deleting experts of ${model} makes the gates of the others grow: its plans have them folded, times the mean ` +
        'probability that was kept (merged experts: times what gives each the probability of its group).'
      );
  }
};

type LeftOutFactor = Extract<SweepFact, { code: 'factor-left-out' }>;

/** The factors that some models cannot have, with the largest that each of these can. */
const leftOutWords = (facts: readonly LeftOutFactor[]): string => {
  const factors = facts.map(({ factor }) => bareFactor(factor));
  const [subject, they] =
    factors.length === 1 ? ['Factor', 'was left out where it'] : ['Factors', 'were left out where they'];
  const models = new Map(facts.flatMap(({ models }) => models.map((model) => [model.name, reachableWords(model)])));
  return (
    `${subject} ${listed(factors)} ${they} would leave fewer than top-k experts: ` +
    `${[...models.values()].join('; ')}.`
  );
};

/** A sentence for each fact, and one for all factors that were left out. */
export const factSentences = (facts: readonly SweepFact[]): readonly string[] => {
  const leftOut = facts.filter((fact) => fact.code === 'factor-left-out');
  return facts.flatMap((fact) => {
    if (fact.code !== 'factor-left-out') return [factSentence(fact)];
    return fact === leftOut[0] ? [leftOutWords(leftOut)] : [];
  });
};

export const factSentence = (fact: SweepFact): string => {
  switch (fact.code) {
    case 'factor-left-out':
      return leftOutWords([fact]);
    case 'hidden-states':
      return (
        `Fidelity keeps the last hidden states of ${fact.model} for one task at a time: ${formatBytes(fact.bytes)} ` +
        `at most (${fact.task}), on disk beyond a quarter of the memory that the weights leave.`
      );
    case 'file-method':
      return (
        `${fact.method} is the file ${fact.file}, on every task alike` +
        `${fact.holdsPlans ? ': it is measured at the sizes of its plans only' : ''}.`
      );
    case 'file-unprotected':
      return `Super experts are not protected in ${fact.method}: the file decides.`;
    case 'rounded-again':
      return (
        `${fact.model} is a GGUF file: at a type, its stored values are rounded once more. An export keeps them as ` +
        "stored; llama.cpp's llama-quantize --allow-requantize writes such a file."
      );
    case 'rounded-not-exported':
      return (
        `${fact.model}: its weights are rounded, and their bytes counted, as in a GGUF file, but no such file is ` +
        `exported. ${fact.reason}`
      );
    case 'no-calibration-items':
      return (
        `Plans of ${listed(fact.methods)} read no calibration items, so that calibration draws do not change ` + 'them.'
      );
    case 'first-seed-only':
      return 'Of methods that depend on chance, calibration draws are measured with the first seed only.';
    case 'not-for-all-tasks':
      return (
        `No plan was made for all tasks at once by ${listed(fact.methods)}: such a plan is made from the profiles of ` +
        'the tasks, and these methods read files or no profile, or search or refit on the items of one task.'
      );
    case 'adaptive':
      return ADAPTIVE_NOTE;
    case 'curtailed':
      return CURTAILED_NOTE;
    case 'texts-in-full':
      return `${fact.model} on ${fact.task}: ${TEXTS_NOTE}`;
    case 'too-few-items':
      return (
        `${fact.model} on ${fact.task}: ${fact.items} items are too few to tell a threshold, so no candidate ` +
        'was measured.'
      );
    case 'nothing-bisected':
      return `${fact.task}: too few items to tell a threshold, so nothing was bisected.`;
    case 'recovery':
      return `${fact.model} on ${fact.task}: ${recoveryWords(fact.compared, fact.metric)}`;
    case 'gates':
      return gatesWords(fact);
    case 'texts-beside-answers': {
      const examples = fact.examples.map(({ text, right }) => `${text} where ${right} is right`).join('; ');
      const why = fact.unreachable ?? 'No answer is right.';
      return `${fact.model} on ${fact.task}: ${why} The unpruned model's first texts: ${examples}.`;
    }
    case 'recovery-cut':
      return PAIRS_NOTE;
    case 'referee':
      return refereeWords(fact.found, 'this sweep');
    case 'steps':
      return stepSummary(fact);
  }
};

/** What a model can be pruned to: "uncurl-8 (top-2 of 8 experts): at most 4". */
export const reachableWords = ({ name, topK, experts, largest }: LeftOutFactor['models'][number]): string =>
  `${name} (top-${topK} of ${experts} experts): at most ${bareFactor(largest)}`;
