import { useId } from 'react';
import { useStore } from 'zustand';
import { startSweep, sweepModels } from '../../actions/start-sweep.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Checkbox } from '../../components/checkbox.tsx';
import { Definition } from '../../components/definition.tsx';
import { isUsable, tickedTasks } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { formatCount, formatFactor, formatFixed } from '../../format/format-number.ts';
import { sweepStore } from '../../state/sweep-store.ts';
import { useProfiles } from '../routing/use-profiles.ts';
import { methodTitle, offeredMethods } from './methods.ts';
import { commonFactors, sweepCost, sweepObstacle } from './sweep-plan.ts';

const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Settings of a sweep, and what it will cost before it runs. */
export const SweepLauncher = () => {
  const facts = useFacts();
  const settings = useStore(sweepStore);
  const { byTask } = useProfiles();
  const start = useAction(startSweep);
  const ids = { seeds: useId(), limit: useId(), delta: useId() };
  const models = sweepModels(facts);
  const tasks = tickedTasks(facts);
  const obstacle = sweepObstacle(models, tasks, settings);
  const cost = sweepCost(models, tasks, settings);
  const toProfile = tasks.filter((task) => !byTask.has(task.name)).length;
  const usableModels = facts.models.filter((model) => isUsable(model));
  return (
    <section className="card" aria-label="Sweep">
      <h3>Sweep: measure plans on test items</h3>
      <div className="sweep-grid">
        <span>Models</span>
        <div className="choice-row">
          {usableModels.map((model) => (
            <Checkbox
              key={model.handle}
              checked={models.includes(model)}
              disabled={model.handle === facts.selection.model}
              onChange={() => settings.toggleModel(model.handle)}
            >
              {model.name}
            </Checkbox>
          ))}
        </div>
        <span>Tasks</span>
        <div>{tasks.length === 0 ? 'none ticked' : tasks.map((task) => task.title).join(', ')}</div>
        <span>
          <Definition of="method">Methods</Definition>
        </span>
        <div className="choice-row">
          {offeredMethods.map((method) => (
            <Checkbox key={method} checked={settings.methods.includes(method)} onChange={() => settings.toggleMethod(method)}>
              {methodTitle(method)}
            </Checkbox>
          ))}
        </div>
        <span>
          <Definition of="factor">Factors</Definition>
        </span>
        <div className="choice-row">
          {commonFactors(models).map((factor) => (
            <Checkbox
              key={factor}
              checked={factor === 1 || !settings.skippedFactors.includes(factor)}
              disabled={factor === 1}
              onChange={() => settings.toggleFactor(factor)}
            >
              {factor === 1 ? '×1 unpruned' : formatFactor(factor)}
            </Checkbox>
          ))}
          <Checkbox checked={settings.adaptive} onChange={settings.chooseAdaptive}>
            <Definition of="adaptive">adaptive</Definition>
          </Checkbox>
        </div>
        <span>Settings</span>
        <div className="choice-row">
          <div className="field">
            <label htmlFor={ids.seeds}>
              <Definition of="seeds">Random seeds</Definition>
            </label>
            <input
              id={ids.seeds}
              className="input input-number"
              type="number"
              min={1}
              max={30}
              value={settings.seeds}
              onChange={(event) => settings.chooseSeeds(event.target.valueAsNumber || 1)}
            />
          </div>
          <div className="field">
            <label htmlFor={ids.limit}>
              <Definition of="limit" />
            </label>
            <input
              id={ids.limit}
              className="input input-number"
              type="number"
              min={1}
              placeholder="all"
              value={settings.limit ?? ''}
              onChange={(event) => {
                const limit = Math.round(event.target.valueAsNumber);
                settings.chooseLimit(limit >= 1 ? limit : null);
              }}
            />
          </div>
          <div className="field">
            <label htmlFor={ids.delta}>
              <Definition of="delta" />
            </label>
            <input
              id={ids.delta}
              className="input input-number"
              type="number"
              min={0.005}
              max={0.5}
              step={0.005}
              value={settings.delta}
              onChange={(event) => {
                const delta = event.target.valueAsNumber;
                if (delta > 0 && delta <= 0.5) settings.chooseDelta(delta);
              }}
            />
          </div>
        </div>
      </div>
      <div className="sweep-start">
        <p className={obstacle === null ? undefined : 'muted'}>
          {obstacle ?? (
            <>
              <Definition of="candidates">{plural(cost.candidatesPerTask, 'candidate')}</Definition> on {plural(tasks.length, 'task')}
              {models.length > 1 && ` for ${plural(models.length, 'model')}`}: {plural(cost.evaluations, 'evaluation')}, the unpruned model
              included; {formatCount(cost.itemEvaluations)} item scorings
              {settings.adaptive && ', and what adaptive adds'}.{' '}
              {toProfile > 0 ? `${plural(toProfile, 'task')} will be profiled first.` : 'All profiles are on disk.'} Safe means a loss of at
              most δ = {formatFixed(settings.delta, 3)}.
            </>
          )}
        </p>
        <Button look="primary" icon="play" onClick={start.perform} disabled={!start.enabled}>
          Start sweep
        </Button>
      </div>
    </section>
  );
};
