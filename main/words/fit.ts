import { refuse } from '../contract/errors.ts';
import type { FitDocument, FitLimit, FitPrediction, FitTested, ScoredCandidate } from '../contract/fit.ts';
import { gatesName } from '../contract/plan.ts';
import { counted, formatBytes, formatDifferenceInUnit, formatInterval, formatNats, listed } from './numbers.ts';
import { methodTitle } from './methods.ts';
import { truncationNotes } from './truncation.ts';

/** Memory of cards, by the name that a user gives: "24 GB". */
export const CARD_PRESETS = ['8 GB', '12 GB', '16 GB', '24 GB', '48 GB', '80 GB'] as const;

/** Share of a card's memory that weights and cache may take: the rest is for values of a pass and for the program. */
export const CARD_SHARE = 0.9;

/** Numbers of bytes in a unit; a number without a unit counts bytes. */
const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/**
 * Bytes in words: "8GB", "16 GiB", "750k"; null for anything else.
 */
export const bytesIn = (text: string): number | null => {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const size = unit === undefined ? undefined : units[unit.toLowerCase()];
  const bytes = Math.floor(Number(digits) * (size ?? Number.NaN));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
};

/** Tokens in words: "32k" (of 1024), "32768"; null for anything else. */
export const tokensIn = (text: string): number | null => {
  const [, digits, unit] = /^\s*(\d+)\s*(k?)\s*$/i.exec(text) ?? [];
  const tokens = Number(digits) * (unit === undefined || unit === '' ? 1 : 1024);
  return Number.isSafeInteger(tokens) && tokens > 0 ? tokens : null;
};

/** What a user may say of the place for a model: exactly one of bytes, memory and card. */
export interface WantedPlace {
  readonly bytes?: string | undefined;
  readonly memory?: string | undefined;
  readonly card?: string | undefined;
  readonly context?: string | undefined;
}

/** Default context of a limit of memory. */
const USUAL_CONTEXT = 4096;

/** @throws WorkbenchError `bad-value`, `bad-usage`. */
export const limitOf = ({ bytes, memory, card, context }: WantedPlace): FitLimit => {
  const given = [bytes, memory, card].filter((value) => value !== undefined);
  const [text] = given;
  if (given.length !== 1 || text === undefined)
    throw refuse(
      'bad-usage',
      'A search needs one place for the model: the bytes of its files, a memory, or a card.',
      'Give one of --bytes 8GB, --memory 16GB and --card "24 GB".',
    );
  const size = bytesIn(text);
  if (size === null)
    throw refuse(
      'bad-value',
      `"${text}" is not a number of bytes.`,
      'Give a number with a unit, such as 8GB or 512MiB.',
    );
  if (bytes !== undefined) {
    if (context !== undefined)
      throw refuse(
        'bad-usage',
        'A context takes memory, and --bytes is a limit for files.',
        'Give --memory or --card with --context.',
      );
    return { kind: 'bytes', bytes: size };
  }
  const tokens = context === undefined ? USUAL_CONTEXT : tokensIn(context);
  if (tokens === null)
    throw refuse('bad-value', `"${context ?? ''}" is not a number of tokens.`, 'Give one such as 32k or 4096.');
  return { kind: 'memory', bytes: Math.floor(card === undefined ? size : size * CARD_SHARE), context: tokens };
};

/** "7.9 GB of files", "14.4 GB of memory with a context of 32,768 tokens". */
export const limitWords = (limit: FitLimit): string =>
  limit.kind === 'bytes'
    ? `${formatBytes(limit.bytes)} of files`
    : `${formatBytes(limit.bytes)} of memory with a context of ${limit.context} tokens`;

const keptWords = ({ kept, method }: ScoredCandidate, experts: number): string => {
  if (method === null) return `all ${experts} experts`;
  if (typeof kept === 'number') return `${kept} of ${experts} experts`;
  const mean = kept.reduce((sum, count) => sum + count, 0) / kept.length;
  return `${Number(mean.toPrecision(3))} of ${experts} experts on average, by measured layers`;
};

/** "q8_0 in 2 layers and q4_1 in 1". */
const layersOfTypes = (types: readonly string[]): string =>
  listed(
    [...new Set(types)].map((type, index) => {
      const layers = types.filter((entry) => entry === type).length;
      return index === 0 ? `${type} in ${counted(layers, 'layer')}` : `${type} in ${layers}`;
    }),
  );

/** "40 of 64 experts by REAP, folded gates, q6_k". */
export const candidateWords = (candidate: ScoredCandidate, experts: number): string => {
  const { method, gates, refit, weights } = candidate;
  return [
    `${keptWords(candidate, experts)}${method === null ? '' : ` by ${methodTitle(method)}`}`,
    ...(gates === null || gates === gatesName.enum.renormalised ? [] : [`${gates} gates`]),
    ...(refit ? ['refitted'] : []),
    weights === 'stored' ? 'weights as stored' : weights,
    ...(candidate.expertTypes === undefined ? [] : [`experts ${layersOfTypes(candidate.expertTypes)}`]),
  ].join(', ');
};

const verdictWords: Readonly<Record<NonNullable<FitTested['verdict']>, string>> = {
  safe: 'safe',
  undecided: 'cannot tell',
  worse: 'unsafe',
  'at-chance': 'no verdict, since the unpruned model is at chance',
  'nothing-to-lose': 'no verdict, since the unpruned model has nothing to lose',
};

/** "-0.4 points [-1.1, +0.2] on 300 test items: safe". */
export const testedWords = ({ result, verdict }: Pick<FitTested, 'result' | 'verdict'>): string =>
  `${formatDifferenceInUnit(result.difference, result.metric)} ${formatInterval(result, result.metric)} on ` +
  `${counted(result.n, 'test item')}: ${verdict === null ? 'no verdict' : verdictWords[verdict]}`;

export const lossWords = ({ loss, items }: ScoredCandidate): string =>
  loss === null
    ? 'not scored'
    : `${formatNats(loss, 3)} nats of the right answer lost on ${counted(items, 'scoring item')}`;

/** The candidate of a name, which every document has. */
export const candidateNamed = (document: Pick<FitDocument, 'candidates'>, name: string): ScoredCandidate => {
  const found = document.candidates.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`a search without its candidate "${name}"`);
  return found;
};

export const sizeWords = (document: FitDocument, { bytes, memoryBytes }: ScoredCandidate): string =>
  memoryBytes === null || document.settings.limit.kind === 'bytes'
    ? formatBytes(bytes)
    : `${formatBytes(bytes)}, ${formatBytes(memoryBytes)} with its context`;

/** The answer in one sentence: what is recommended, what it costs, its size, and the runner-up. */
export const fitSentence = (document: FitDocument): string => {
  const { recommended, tested, experts, state } = document;
  if (recommended === null)
    return state === 'stopped' ? 'Stopped before anything was scored.' : 'Nothing is scored yet.';
  const chosen = candidateNamed(document, recommended);
  const found = tested.find(({ name }) => name === recommended);
  const said = `${candidateWords(chosen, experts)}; `;
  if (found === undefined) {
    const so =
      state === 'stopped'
        ? 'Best so far, not tested'
        : state === 'testing'
          ? 'Recommended, test to come'
          : 'Best so far';
    return `${so}: ${said}${lossWords(chosen)}; ${sizeWords(document, chosen)}.`;
  }
  const [runnerUp] = tested.filter(({ name }) => name !== recommended);
  const second =
    runnerUp === undefined
      ? ''
      : `; runner-up: ${candidateWords(candidateNamed(document, runnerUp.name), experts)}: ${testedWords(runnerUp)}`;
  return `Recommended: ${said}${testedWords(found)}; ${sizeWords(document, chosen)}${second}.`;
};

/**
 * Why there is nothing to export: the whole model fits with its weights as stored, in the format that it has. Null:
 * there is. `source`: path of the model.
 */
export const fitsAsItIs = (
  {
    recommended,
    candidates,
    model,
    settings: { format },
  }: Pick<FitDocument, 'recommended' | 'candidates' | 'model'> & {
    readonly settings: Pick<FitDocument['settings'], 'format'>;
  },
  source: string,
): string | null => {
  const chosen = candidates.find(({ name }) => name === recommended);
  const isConverted = format === 'onnx' || (format === 'gguf' && !source.toLowerCase().endsWith('.gguf'));
  return chosen?.method === null && chosen.weights === 'stored' && !isConverted
    ? `${model} fits as it is: an export would be a copy. Name a smaller size to have it pruned or rounded.`
    : null;
};

/** What the search saw, and how its parts were kept apart. */
export const fitNotes = (document: FitDocument): readonly string[] => {
  const { items, look, level, settings, evaluations, otherEvaluations, surrogates, choiceHash } = document;
  const { untried, state } = document;
  const percent = String(Number((100 * level).toPrecision(2)));
  const unpruned = [
    ...(document.unpruned === null ? [] : [document.unpruned]),
    ...document.elsewhere.map((entry) => entry.unpruned),
  ];
  return [
    ...truncationNotes(unpruned),
    `Of the calibration items, profiles read ${items.profile} and candidates were scored on ` +
      `${items.scoring} others, by ${counted(evaluations, 'answer')}` +
      `${otherEvaluations === 0 ? '' : ` (and ${otherEvaluations} for other budgets, after the choice)`}. ` +
      `The ${counted(items.test, 'test item')} were answered after the choice only.`,
    ...(choiceHash === null
      ? []
      : [`The choice was on disk before the first test answer (SHA-256 ${choiceHash.slice(0, 12)}).`]),
    ...(look === 1
      ? []
      : [
          `This is look ${look} at these test items in this workspace: each look halves the level, here ` +
            `${percent} % instead of 5 %. Fresh test items give the whole level back.`,
        ]),
    `A model is safe if it loses at most ${Number((100 * settings.delta).toPrecision(3))} points at the ` +
      `one-sided level ${percent} %. Runners-up were chosen on the scoring items and are not corrected for being ` +
      'several.',
    ...surrogates.map(
      ({ name, predicted, bound, against }) =>
        `${name}: losses of single layers add up to ${predicted.toFixed(3)} nats (no plan of its size has less than ` +
        `${bound.toFixed(3)} in this sum)${
          against === null ? '' : `; against the even plan of its bytes ${formatNats(against, 3)} nats`
        }.`,
    ),
    ...(state === 'stopped' ? ['The search was stopped: nothing was tested.'] : []),
    ...(untried.length === 0 ? [] : [`Not tried: ${untriedWords(untried).join(' ')}`]),
  ];
};

/** Stands for the own name in a reason that several share. */
const ANY = 'one of them';

/** "NAME: reason", with names that share a reason in one sentence: "q6_k and q5_k: No tensor can be one of them." */
export const untriedWords = (untried: readonly string[]): readonly string[] => {
  const groups = new Map<string, { readonly names: string[]; readonly sentence: string }>();
  for (const sentence of untried) {
    const [name = '', ...reason] = sentence.split(': ');
    const shared = reason.length === 0 ? sentence : reason.join(': ').replaceAll(name, ANY);
    const known = groups.get(shared);
    if (known === undefined) groups.set(shared, { names: [name], sentence });
    else known.names.push(name);
  }
  return [...groups].map(([shared, { names, sentence }]) =>
    names.length === 1 ? sentence : `${listed(names)}: ${shared}`,
  );
};

/** The further tasks in one sentence each. */
export const elsewhereWords = ({ elsewhere }: FitDocument): readonly string[] =>
  elsewhere.map(({ task, result, verdict }) => `${task}: ${testedWords({ result, verdict })}.`);

/** "33 to 52 of 64 experts": what each layer keeps. */
export const givenUp = (document: FitDocument): string => {
  const { recommended, experts } = document;
  if (recommended === null) return 'Nothing is recommended.';
  const { kept, method, weights, expertTypes } = candidateNamed(document, recommended);
  const byLayer = expertTypes === undefined ? '' : `, those of experts by layer ${listed(expertTypes)}`;
  const type = weights === 'stored' ? 'weights stay as stored' : `weights become ${weights}${byLayer}`;
  if (method === null) return `No expert is given up; ${type}.`;
  if (typeof kept === 'number') return `Each layer gives up ${experts - kept} of ${experts} experts; ${type}.`;
  const gone = listed(kept.map((count) => String(experts - count)));
  return `Given up by layer: ${gone} of ${experts} experts; ${type}.`;
};

/** What a search would do, in sentences. */
export const predictionWords = (prediction: FitPrediction): readonly string[] => {
  const { candidates, smallestBytes, largestBytes, items, tokens, minutes, memoryBytes, notes } = prediction;
  const minute = (value: number): string => (value < 1 ? 'less than a minute' : `${Math.ceil(value)} min`);
  const [low, high] = [minute(minutes.low), minute(minutes.high)];
  return [
    `${counted(candidates, 'candidate')} fit, the largest with ${formatBytes(largestBytes)}; the smallest form of ` +
      `the model takes ${formatBytes(smallestBytes)}.`,
    `Takes ${low === high ? low : `${low} to ${high}`} here, roughly: ${Math.round(tokens / 1000)} thousand ` +
      `tokens, ${formatBytes(memoryBytes)} of memory. Profiles read ${items.profile} calibration items, ` +
      `scores ${items.scoring} others, the test ${items.test}.`,
    ...notes,
  ];
};
