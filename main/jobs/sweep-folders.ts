import { loadTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { methodOfLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { summarise } from '../evaluation/summarise.ts';
import { methodNames } from '../pruning/methods.ts';
import type { RunModel, RunTask } from './job-context.ts';
import { evaluatePlan, evaluationStep, measurementsOn } from './measurement.ts';
import { folderCost } from './point-cost.ts';
import type { Stage } from './sweep-stages.ts';

/**
 * Checkpoints that were made elsewhere (fine-tuned, merged by another tool, quantised and back) and join a sweep as
 * candidates under names of their own, paired with the unpruned model like every other.
 */

/** Tokens of every choice or text of the tasks, as one text. */
const spellings = (encode: (text: string, special: boolean) => readonly number[], tasks: readonly RunTask[]): string =>
  JSON.stringify(
    tasks.map(({ task }) =>
      task.test.map((item) =>
        'text' in item
          ? encode(item.text, true)
          : ('choices' in item ? item.choices : item.answers).map((answer) => encode(item.context + answer, true)),
      ),
    ),
  );

/**
 * Refuses (`candidate-vocabulary`, `candidate-tokenizer`) a checkpoint whose tokens are not those of a model: another
 * vocabulary, or another tokenizer (one that encodes some test item, or the start of a text, differently). `role` names
 * it in the remedy: "A candidate".
 */
export const requireSameTokens = async (
  model: Checkpoint,
  { name, checkpoint }: RunModel,
  tasks: readonly RunTask[],
  role: string,
): Promise<void> => {
  const [ours, theirs] = [model.descriptor.vocabulary, checkpoint.descriptor.vocabulary];
  if (ours !== theirs) {
    throw refuse(
      'candidate-vocabulary',
      `${name} has a vocabulary of ${String(theirs)} tokens, ${model.name} one of ${String(ours)}.`,
      `${role} must come from the model that it is compared with.`,
    );
  }
  const [modelTokenizer, otherTokenizer] = [
    await loadTokenizer(model.folder, ours),
    await loadTokenizer(checkpoint.folder, theirs),
  ];
  if (
    modelTokenizer !== null &&
    otherTokenizer !== null &&
    modelTokenizer.prefixToken === otherTokenizer.prefixToken &&
    spellings(modelTokenizer.encode, tasks) === spellings(otherTokenizer.encode, tasks)
  )
    return;
  throw refuse(
    'candidate-tokenizer',
    `${checkpoint.folder} ` +
      `${otherTokenizer === null ? 'has no tokenizer.json' : `encodes text differently from ${model.name}`}.`,
    "Put the model's own tokenizer files into the folder, if it was made from that model.",
  );
};

/**
 * Refuses a candidate that cannot be paired with the model: another vocabulary, or another tokenizer (one that encodes
 * some test item, or the start of a text, differently); or a name with another meaning in a sweep; or a larger model,
 * whose pruning factor would be below 1.
 *
 * @throws WorkbenchError refused: `candidate-name`, `candidate-larger`, `candidate-vocabulary`, `candidate-tokenizer`,
 * `model-unsupported`.
 */
export const checkCandidate = async (
  model: Checkpoint,
  { name, checkpoint }: RunModel,
  tasks: readonly RunTask[],
): Promise<void> => {
  if (name === UNPRUNED || methodNames.some((known) => known === methodOfLabel(name).method)) {
    throw refuse(
      'candidate-name',
      `A candidate cannot be called "${name}": a curve of the sweep has that name.`,
      'Give it another name: --candidate NAME=DIR.',
    );
  }
  if (!checkpoint.info.supported)
    throw refuse('model-unsupported', `${name} cannot run here: ${checkpoint.info.reasons.join(' ')}`, 'Leave it out.');
  const [most, own] = [model.info, checkpoint.info].map(({ experts, moeLayers }) => experts * moeLayers);
  if ((own ?? 0) > (most ?? 0))
    throw refuse(
      'candidate-larger',
      `${name} has ${String(own)} experts in its layers, and ${model.name} only ${String(most)}: it is no pruned copy.`,
      'Sweep the larger model, with the smaller one as its candidate.',
    );
  await requireSameTokens(model, { name, checkpoint }, tasks, 'A candidate');
};

/** Measures candidates on the items of a stage; each step is keyed by the content of its candidate's folder. */
export const measureFolders = async (
  stage: Stage,
  baseline: readonly ItemOutcome[],
  candidates: readonly RunModel[],
): Promise<void> => {
  const { context, measurement, record, settings, speeds } = stage;
  const { model, task, items, work } = measurement;
  const whole = model.checkpoint.info;
  for (const candidate of candidates) {
    const measured = await measurementsOn(context, candidate)(task, items, work);
    const { info } = candidate.checkpoint;
    const speed = (await speeds?.of(candidate.checkpoint, null)) ?? {};
    const outcomes = await evaluatePlan(context, measured, null);
    const result: SweepResult = {
      model: model.name,
      task: task.name,
      method: candidate.name,
      seed: null,
      factor: (whole.experts * whole.moeLayers) / (info.experts * info.moeLayers),
      kept: info.experts,
      ...summarise(task.task.metric, baseline, outcomes, { delta: settings.delta }),
      cost: { ...folderCost(candidate.checkpoint), ...speed },
    };
    await record.add({ what: 'point', result, step: evaluationStep(measured, null).key });
  }
};
