import type { ReactNode } from 'react';
import type { PlanCost } from '../../main/contract/plan.ts';
import { Definition } from '../components/definition.tsx';
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

interface CostRow {
  readonly key: string;
  readonly term: ReactNode;
  readonly before: number;
  readonly after: number;
  readonly format: (value: number) => string;
}

export const CostTable = ({ cost, experts, topK, droppedShare = null }: CostTableProps) => {
  const { parameters, before } = cost;
  const mean = cost.keptPerLayer.reduce((sum, kept) => sum + kept, 0) / Math.max(1, cost.keptPerLayer.length);
  const rows: readonly CostRow[] = [
    {
      key: 'total',
      term: <Definition of="totalParameters" />,
      before: before.total,
      after: parameters.total,
      format: formatParameters,
    },
    {
      key: 'expert',
      term: <Definition of="expertParameters" />,
      before: before.expert,
      after: parameters.expert,
      format: formatParameters,
    },
    {
      key: 'active',
      term: <Definition of="activeParameters" />,
      before: before.active,
      after: parameters.active,
      format: formatParameters,
    },
    {
      key: 'size',
      term: <Definition of="sizeBytes" />,
      before: before.sizeBytes,
      after: cost.sizeBytes,
      format: formatBytes,
    },
  ];
  return (
    <>
      <table className="cost-table">
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
          {rows.map(({ key, term, before: from, after, format }) => (
            <tr key={key}>
              <th scope="row">{term}</th>
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
