import type { FitCanaries, ScoredCandidate } from '../contract/fit.ts';
import type { Plan } from '../contract/plan.ts';
import { refuse } from '../contract/errors.ts';
import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ChoiceItem, TextItem } from '../contract/task.ts';
import { canaryProbes } from '../evaluation/canary-probes.ts';
import { changedProbes, exposureOf, FEWEST_PROBES, type Probe, probesOf } from '../evaluation/canaries.ts';
import { itemLosses } from '../evaluation/fit.ts';
import type { Canaries } from '../contract/fit.ts';
import { encodePrompt, encodeScored, hasOwnTokens } from '../inference/encode-item.ts';
import { hashTask } from '../tasks/items.ts';
import { weighted } from './fit-search.ts';
import type { JobContext, RunModel, RunTask } from './job-context.ts';
import { evaluatePlan, measurementOf } from './measurement.ts';
import type { RoundedModels } from './rounded-models.ts';
import { requireTokenizer } from './task-work.ts';

/** The fewest tokens of a vocabulary that our probes, written in many languages, are meant for. */
const REAL_VOCABULARY = 8_000;

/** Numbers of logits that are in memory at once. */
const MOST_LOGITS = 2 ** 26;

/** Probes of a search as a model reads them. */
interface ReadProbes {
  readonly probes: readonly Probe[];
  readonly items: readonly (ChoiceItem | TextItem)[];
  /** Probes of ours whose answer has no token of its own in this vocabulary. */
  readonly leftOut: number;
}

const ourProbes = ({ name, info }: Checkpoint, tokenizer: TextTokenizer): readonly Probe[] => {
  if (info.vocabulary < REAL_VOCABULARY)
    throw refuse(
      'small-vocabulary',
      `${name} has a vocabulary of ${info.vocabulary} tokens; the canaries of the workbench are for models ` +
        `with at least ${REAL_VOCABULARY}.`,
      'Give own lines: --canaries FILE.',
    );
  const probes = canaryProbes
    .map(([context, answer], index) => ({ id: String(index + 1), context, answer }))
    .filter(({ context, answer }) => hasOwnTokens(tokenizer, context, answer));
  if (probes.length >= FEWEST_PROBES) return probes;
  throw refuse(
    'too-few-probes',
    `The tokenizer of ${name} leaves ${probes.length} of the workbench's ${canaryProbes.length} ` +
      `canaries an answer with tokens of its own, and ${FEWEST_PROBES} are the fewest.`,
    'Give own lines: --canaries FILE.',
  );
};

/**
 * The probes of a search, in tokens of its model.
 *
 * @throws WorkbenchError `small-vocabulary`, `no-tokenizer`; `lost-continuation` for an own line whose answer the
 * tokenizer merges into its context; and as `probesOf`.
 */
export const readProbes = async (checkpoint: Checkpoint, canaries: Canaries): Promise<ReadProbes> => {
  const tokenizer = await requireTokenizer(checkpoint);
  const probes = canaries.source === 'own' ? probesOf(canaries.lines) : ourProbes(checkpoint, tokenizer);
  const items = probes.map(itemOf);
  for (const item of items) encodeScored(tokenizer, item, checkpoint.info.maxPositions);
  return { probes, items, leftOut: canaries.source === 'own' ? 0 : canaryProbes.length - probes.length };
};

/** Items that score a probe: its answer after its context, or all of a text. */
const itemOf = ({ id, context, answer }: Probe): ChoiceItem | TextItem =>
  context === '' ? { id, text: answer } : { id, context, choices: [answer], answer: 0 };

/** Shares of the probes' routed choices on experts that the plan removes, from the unpruned model. */
const exposures = async (
  { runners, signal, meter }: JobContext,
  { name, checkpoint }: RunModel,
  probes: readonly Probe[],
  plan: Plan,
): Promise<readonly number[]> => {
  const { maxPositions, moeLayers, vocabulary } = checkpoint.info;
  const tokenizer = await requireTokenizer(checkpoint);
  meter.describe(`Routing canaries through ${name}`);
  const runner = await runners.open(checkpoint);
  const sequences = probes.map(({ context, answer }) =>
    encodePrompt(tokenizer, context + answer).slice(0, maxPositions),
  );
  const most = Math.max(1, Math.floor(MOST_LOGITS / vocabulary));
  const found: number[] = [];
  let chunk: (readonly number[])[] = [];
  const run = async (): Promise<void> => {
    for (const { experts } of await runner.forward(chunk, null, { signal }))
      found.push(exposureOf(experts, moeLayers, plan));
    chunk = [];
  };
  for (const sequence of sequences) {
    const tokens = chunk.reduce((sum, { length }) => sum + length, 0);
    if (chunk.length > 0 && tokens + sequence.length > most) await run();
    chunk.push(sequence);
  }
  await run();
  return found;
};

/** Which probes the recommended model loses, beside probes that hardly use the experts that it gave up. */
export const measureCanaries = async (
  context: JobContext,
  {
    model,
    task,
    canaries,
    roundings,
  }: {
    readonly model: RunModel;
    /** The task that decided, whose form a measurement needs; its items are not read. */
    readonly task: RunTask;
    readonly canaries: Canaries;
    readonly roundings: RoundedModels;
  },
  plan: Plan,
  weights: ScoredCandidate['weights'],
): Promise<FitCanaries> => {
  const { probes, items, leftOut } = await readProbes(model.checkpoint, canaries);
  const metric = probes[0]?.context === '' ? 'perplexity' : 'acc';
  const { judging: _judging, ...form } = task.task;
  const asked: RunTask = {
    name: 'canaries',
    task: { ...form, name: 'canaries', metric, calibration: [], test: items, hash: hashTask(metric, [], items) },
  };
  const measurement = await measurementOf(context, model, asked, items);
  const rounded = weighted(measurement, roundings, weights);
  context.meter.addToTotal(measurement.work + rounded.work);
  const before = await evaluatePlan(context, measurement, null);
  const losses = itemLosses(before, await evaluatePlan(context, rounded, plan));
  const shares = await exposures(context, model, probes, plan);
  const found = changedProbes(
    canaries.source,
    probes.map((probe, index) => ({ ...probe, exposure: shares[index] ?? NaN, loss: losses[index]?.nats ?? NaN })),
  );
  return leftOut === 0 ? found : { ...found, leftOut };
};
