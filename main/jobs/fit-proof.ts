import type { FitChoice, FitDocument, FitProof } from '../contract/fit.ts';
import { summarise } from '../evaluation/summarise.ts';
import { hashItems } from '../tasks/items.ts';
import type { StepStore } from '../workspace/step-store.ts';
import { roundedOf } from './fit-candidates.ts';
import { testStep } from './fit-job.ts';
import type { Numerics, RunModel, RunTask } from './job-context.ts';
import { evaluationStep } from './measurement.ts';
import { askedTasks } from './task-work.ts';
import { writingIdentity } from './write-items.ts';

/**
 * Whether the test of a search came after its choice, by the stored answers: those of every model that was tested lie
 * under a key that contains the hash of the choice, so that nobody can have computed them without it; and the stated
 * values follow from them. `choice`: of the file with the hash that the document names.
 */
export const proveOrder = async (
  steps: StepStore,
  {
    model,
    task: plain,
    numerics,
    madeAt,
  }: {
    readonly model: RunModel;
    readonly task: RunTask;
    readonly numerics: Numerics;
    readonly madeAt: Date;
  },
  document: FitDocument,
  choice: FitChoice,
): Promise<FitProof> => {
  const { choiceHash, tested, settings } = document;
  if (choiceHash === null || tested.length === 0)
    return { ok: false, answers: 0, problems: ['Nothing was tested: the search was stopped, or goes on.'] };
  if (plain.task.judging?.rule.python !== undefined)
    return {
      ok: false,
      answers: 0,
      problems: [`The answers of ${plain.name} are judged by its own Python, whose environment is part of their keys.`],
    };
  const [task = plain] = await askedTasks(model, [plain], settings.chat, madeAt);
  const writing = await writingIdentity(model.checkpoint, task.task, undefined);
  const itemsHash = hashItems(task.task.test);
  const answered = { model, task, itemsHash, work: 0, numerics, writing };
  const unpruned = await evaluationStep(answered, null).read(steps);
  if (unpruned === null)
    return { ok: false, answers: 0, problems: ['The answers of the unpruned model are not stored here.'] };
  const problems: string[] = [];
  let answers = 0;
  for (const { name, result } of tested) {
    const at = [choice.recommended, ...choice.finalists].indexOf(name);
    const [plan, scored] = [choice.plans[at], choice.scored.find((candidate) => candidate.name === name)];
    if (plan === undefined || scored === undefined) {
      problems.push(`${name} was tested, and the choice has no plan of it.`);
      continue;
    }
    const type = roundedOf(scored.weights);
    const rounded = type === null ? answered : { ...answered, rounded: { type } };
    const outcomes = await testStep(rounded, plan, choiceHash).read(steps);
    if (outcomes === null) {
      problems.push(`No answers of ${name} are stored under the hash of the choice.`);
      continue;
    }
    answers += outcomes.length;
    const again = summarise(task.task.metric, unpruned, outcomes, { delta: settings.delta });
    if (again.value !== result.value || again.difference !== result.difference)
      problems.push(`The result of ${name} does not follow from its stored answers.`);
  }
  return { ok: problems.length === 0, answers, problems };
};
