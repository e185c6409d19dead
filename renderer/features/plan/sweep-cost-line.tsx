import { useStore } from 'zustand';
import { sweepModels } from '../../actions/sweep.ts';
import { FactList, plainFact } from '../../components/data-table.tsx';
import { Definition, Words } from '../../components/definition.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { useQueries } from '../../engine/engine-context.tsx';
import { tickedTasks, useFacts } from '../../engine/facts.ts';
import { counted, formatCount, formatMargin } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { chatOf } from '../../plan/chat.tsx';
import { sweepStore } from '../../state/sweep-store.ts';
import { optionsOf, readsCalibration, sweepCost } from '../../sweep/sweep-plan.ts';

/** Costs that begin with this word are no more than the usual profile. */
const NO_MORE = 'none';

/** Work of a sweep before it runs: evaluations, refits and searches. */
export const SweepCostLine = () => {
  const facts = useFacts();
  const settings = useStore(sweepStore);
  const { options, chat } = facts.selection.plan;
  const models = sweepModels(facts);
  const tasks = tickedTasks(facts);
  const cost = sweepCost(models, tasks, settings, { pages: facts.methods, options });
  const profiled = useQueries(
    'profile.holds',
    tasks.length === 0
      ? []
      : models.map((model) => ({
          model: model.handle,
          tasks: tasks.map(({ handle }) => handle),
          // Methods from files need no statistics.
          methods: settings.methods.filter((method) => facts.methods.some(({ name }) => name === method)),
          options: optionsOf(settings.methods, options),
          budget: settings.budget,
          protect: settings.protect,
          chat: chatOf([model], chat),
        })),
  );
  const problem = profiled.find(({ error }) => error !== null)?.error?.message;
  const isKnown = profiled.every(({ data }) => data !== undefined);
  const toProfile = profiled.reduce((sum, { data }) => sum + (data?.held.filter((held) => !held).length ?? 0), 0);
  const profileWords =
    problem ??
    (!isKnown
      ? 'Looking for profiles…'
      : toProfile === 0
        ? 'The profiles that these methods need are on disk.'
        : models.length > 1
          ? `${counted(toProfile, 'profile')} will be made first.`
          : `${counted(toProfile, 'task')} will be profiled first.`);
  return (
    <>
      <Definition of="candidates">{counted(cost.candidatesPerTask, 'candidate')}</Definition> on{' '}
      {counted(tasks.length, 'task')}
      {models.length > 1 && ` for ${counted(models.length, 'model')}`}: {counted(cost.evaluations, 'evaluation')}, the
      unpruned model included; {formatCount(cost.itemEvaluations)} item evaluations
      {settings.adaptive && ', plus those added by the adaptive search'}
      {settings.stop !== undefined && '; at most, since candidates stop early'}.{' '}
      {cost.drawn.map(({ method, draws, more }) => (
        <span key={method}>
          {methodTitle(method)}: <Definition of="seeds">{formatCount(draws)} draws</Definition>, {formatCount(more)}{' '}
          more evaluations than with one.{' '}
        </span>
      ))}
      {cost.drawnAgain > 0 && (
        <>
          <Definition of="calibrationDraw">Calibration draws</Definition> add {counted(cost.drawnAgain, 'evaluation')}{' '}
          and one pass over the calibration items of each task.{' '}
        </>
      )}
      {cost.elsewhere > 0 &&
        `Plans on tasks that they were not made for add at most ${counted(cost.elsewhere, 'evaluation')}. `}
      {cost.searched > 0 && (
        <>
          <Definition of="search">Searches</Definition> measure {counted(cost.searched, 'more candidate')} on
          calibration items.{' '}
        </>
      )}
      {cost.refits > 0 && (
        <>
          <Definition of="recovery">Recovery</Definition> refits {counted(cost.refits, 'plan')}.{' '}
        </>
      )}
      {readsCalibration(settings, facts.methods, models) ? profileWords : 'No profile is needed.'} Safe means a loss of
      at most δ = {formatMargin(settings.delta)}.
    </>
  );
};

/** Extra costs of the sweep's methods beyond the usual profile, from their pages. */
export const SweepMethodCosts = () => {
  const { methods: pages } = useFacts();
  const { methods, budget, protect } = useStore(sweepStore);
  const costly = pages.filter(({ name, cost }) => methods.includes(name) && !cost.startsWith(NO_MORE));
  const lines = [
    ...costly.map(({ name, cost }) => ({ term: methodTitle(name), text: cost })),
    ...(budget === 'inverse-importance'
      ? [
          {
            term: 'Inverse importance',
            text: 'runs every expert on every calibration token, and leaves out experts one by one',
          },
        ]
      : []),
    ...(budget === 'measured'
      ? [
          {
            term: 'Measured budget',
            text:
              'answers 60 calibration items with each layer pruned alone at about six counts, once for each method, ' +
              'draw and task',
          },
        ]
      : []),
    ...(protect === 'none'
      ? []
      : [{ term: 'Super experts', text: 'the largest output of every expert, recorded during profiling' }]),
  ];
  if (lines.length === 0) return null;
  return (
    <Disclosure summary={`Extra cost of ${lines.map(({ term }) => term).join(', ')} beyond the usual profile`}>
      <FactList className="terms" facts={lines.map(({ term, text }) => plainFact(term, <Words text={text} />))} />
    </Disclosure>
  );
};
