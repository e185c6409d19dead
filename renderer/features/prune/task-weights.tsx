import { useStore } from 'zustand';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { Definition } from '../../components/definition.tsx';
import { Disclosure } from '../../components/disclosure.tsx';
import { planStore } from '../../state/plan-store.ts';

/** How much each task counts in a plan for several. */
export const TaskWeights = ({ tasks }: { readonly tasks: readonly TaskEntry[] }) => {
  const { taskWeights, chooseTaskWeight } = useStore(planStore);
  const changed = tasks.filter(({ handle }) => (taskWeights[handle] ?? 1) !== 1).length;
  return (
    <Disclosure
      summary={
        <>
          <Definition of="taskWeights" />
          {changed > 0 && <span>, {changed} changed</span>}
        </>
      }
    >
      <div className="weight-grid">
        {tasks.map(({ handle, title }) => (
          <label key={handle}>
            <span>{title}</span>
            <input
              className="input"
              type="number"
              min={0}
              step={0.5}
              value={taskWeights[handle] ?? 1}
              onChange={(event) => chooseTaskWeight(handle, Math.max(0, event.target.valueAsNumber || 0))}
            />
          </label>
        ))}
      </div>
    </Disclosure>
  );
};
