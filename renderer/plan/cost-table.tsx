import type { PlanCost } from '../../main/contract/plan.ts';
import { Definition } from '../components/definition.tsx';
import type { DefinitionName } from '../definitions/definitions.ts';
import { formatBytes, formatFixed, formatParameters, formatPercent } from '../../main/words/numbers.ts';
import { keptRange } from './kept-counts.ts';
import './plan.css';

interface CostTableProps {
  readonly cost: PlanCost;
  /** Number of experts of the unpruned model. */
  readonly experts: number;
  readonly topK: number;
  /** Share of the task's routed choices that the plan drops; null or absent if no profile gives it. */
  readonly droppedShare?: number | null;
}

/** Before and after pruning. */
type CostRow = readonly [of: DefinitionName, before: number, after: number, format: (value: number) => string];

export const CostTable = ({ cost, experts, topK, droppedShare = null }: CostTableProps) => {
  const { parameters, before } = cost;
  const mean = cost.keptPerLayer.reduce((sum, kept) => sum + kept, 0) / Math.max(1, cost.keptPerLayer.length);
  const rows: readonly CostRow[] = [
    ['totalParameters', before.total, parameters.total, formatParameters],
    ['expertParameters', before.expert, parameters.expert, formatParameters],
    ['activeParameters', before.active, parameters.active, formatParameters],
    ['sizeBytes', before.sizeBytes, cost.sizeBytes, formatBytes],
  ];
  return (
    <>
      <table className="plain-table cost-table">
        <caption className="visually-hidden">Cost of the plan, before and after</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">before</th>
            <th scope="col">after</th>
            <th scope="col">left</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">
              <Definition of="keptExperts">Experts per layer</Definition>
            </th>
            <td>{experts}</td>
            <td className="cost-after" title={`mean ${formatFixed(mean, 2)}`}>
              {keptRange(cost.keptPerLayer)}
            </td>
            <td className="muted">{formatPercent(mean / experts, 0)}</td>
          </tr>
          {droppedShare !== null && (
            <tr>
              <th scope="row">
                <Definition of="droppedShare" />
              </th>
              <td>{formatPercent(0, 0)}</td>
              <td className="cost-after">{formatPercent(droppedShare)}</td>
              <td />
            </tr>
          )}
          {rows.map(([of, from, after, format]) => (
            <tr key={of}>
              <th scope="row">
                <Definition of={of} />
              </th>
              <td>{format(from)}</td>
              <td className="cost-after">{format(after)}</td>
              <td className="muted">{formatPercent(after / from, 0)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">
              <Definition of="topK" />
            </th>
            <td>{topK}</td>
            <td className="cost-after">{cost.topK}</td>
            <td className="muted">{cost.topK < topK ? 'lowered' : ''}</td>
          </tr>
        </tbody>
      </table>
      {cost.note !== undefined && <p className="muted">{cost.note}</p>}
    </>
  );
};
