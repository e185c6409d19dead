import { useStore } from 'zustand';
import type { MethodName } from '../../../main/contract/plan.ts';
import { Definition } from '../../components/definition.tsx';
import { selectedModel } from '../../engine/facts.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { formatFactor } from '../../format/format-number.ts';
import { planStore } from '../../state/plan-store.ts';
import { sweepStore } from '../../state/sweep-store.ts';
import { describeFate, expertFates } from '../prune/expert-fates.ts';
import { keptAtFactor, standardFactors } from '../prune/kept-counts.ts';
import { methodTitle } from '../prune/methods.ts';
import { planInput } from '../prune/plan-input.ts';

interface Place {
  readonly layer: number;
  readonly expert: number;
}

/** Which method would let this expert go at which factor. */
export const FateTable = (place: Place) => {
  const facts = useFacts();
  const ticked = useStore(sweepStore, (state) => state.methods);
  const info = selectedModel(facts)?.info;
  if (info === null || info === undefined) return null;
  const { method: current } = facts.selection;
  const methods = facts.methods
    .filter(({ name, needs }) => needs !== 'search' && (name === current || ticked.includes(name)))
    .map(({ name }) => name);
  const factors = standardFactors(info).filter((factor) => factor > 1);
  return (
    <div>
      <h3>
        <Definition of="fate" />
      </h3>
      <table className="fate-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Method</span>
            </th>
            {factors.map((factor) => (
              <th key={factor} scope="col">
                {formatFactor(factor)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {methods.map((method) => (
            <tr key={method}>
              <th scope="row">{methodTitle(method)}</th>
              {factors.map((factor) => (
                <FateCell key={factor} {...place} method={method} factor={factor} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

const FateCell = ({
  layer,
  expert,
  method,
  factor,
}: Place & { readonly method: MethodName; readonly factor: number }) => {
  const facts = useFacts();
  const settings = useStore(planStore);
  const model = selectedModel(facts);
  const info = model?.info ?? null;
  const { task, method: shownMethod, factor: shownFactor } = facts.selection;
  const input = planInput(model, task === null ? [] : [task], { ...settings, method, factor });
  const { data, error } = useQuery('plan.make', input);
  const experts = info?.experts ?? 0;
  const fate = data === undefined ? undefined : expertFates(data.plan, experts)[layer]?.[expert];
  const current =
    info !== null && method === shownMethod && keptAtFactor(info, factor) === keptAtFactor(info, shownFactor);
  if (fate === undefined) {
    return (
      <td className="muted" title={error?.message}>
        ·
      </td>
    );
  }
  return (
    <td className={current ? 'fate-current' : undefined} title={describeFate(fate)}>
      <span className="visually-hidden">{describeFate(fate)}</span>
      <span aria-hidden="true">
        {fate.kind === 'dropped' ? <span className="fate-dropped" /> : fate.kind === 'merged' ? `→ ${fate.into}` : '●'}
      </span>
    </td>
  );
};
