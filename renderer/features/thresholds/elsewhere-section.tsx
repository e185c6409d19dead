import { useState } from 'react';
import { factorKey, type SweepResult } from '../../../main/contract/sweep.ts';
import { elsewhereSummaries, everywhereSentence, summarySentence } from '../../../main/evaluation/elsewhere.ts';
import { elsewhereCurves, elsewhereMatrices, elsewhereTasks } from '../../../main/figures/elsewhere-figure.ts';
import { headlineThresholds } from '../../../main/evaluation/threshold.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { formatDifference, formatDifferenceInUnit, formatFactor, formatInterval } from '../../../main/words/numbers.ts';
import { pointVerdictText, reachText } from '../../../main/words/verdicts.ts';
import { Select } from '../../components/choices.tsx';
import { SortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { Section, Sentences } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import type { MeasuredProps } from './shown-size-trend.ts';

const TITLE = 'Does a plan for one task keep the others?';

/** Deepest tint, for a loss of half of the items and above; one step per 8 points. */
const DEEPEST = 6;
const STEP = 0.08;

/**
 * Plans made for each task, measured on every task, at one factor; the last row is the plan made for all tasks at once.
 * Nothing is shown if no plan of the shown methods was measured elsewhere.
 */
export const ElsewhereSection = ({ manifest, document, sizeTrend, shown, theme, title }: MeasuredProps) => {
  const { delta } = sizeTrend;
  const [chosen, choose] = useState({ curve: '', factor: '' });
  const curves = elsewhereCurves(document).filter(({ method }) => shown.includes(method));
  const nameOf = ({ model, method }: (typeof curves)[number]): string => `${model}, ${methodTitle(method)}`;
  const curve = curves.find((entry) => nameOf(entry) === chosen.curve) ?? curves[0];
  if (curve === undefined) return null;
  const isShown = ({ model, method }: (typeof curves)[number]): boolean =>
    model === curve.model && method === curve.method;
  const matrices = elsewhereMatrices(document, curve);
  const matrix = matrices.find(({ factor }) => factorKey(factor) === chosen.factor) ?? matrices[0];
  const summary = elsewhereSummaries(document, delta).find(
    (entry) => isShown(entry) && factorKey(entry.factor) === factorKey(matrix?.factor ?? 1),
  );
  const thresholds = headlineThresholds(document.thresholds).filter(isShown);
  const everywhereOf = (madeFor: string | null): string => {
    const found =
      madeFor === null ? document.together?.find(isShown) : thresholds.find(({ task }) => task === madeFor)?.everywhere;
    return found === undefined ? '–' : reachText(found);
  };
  return (
    <Section
      label={TITLE}
      title={<Definition of="everywhere">{TITLE}</Definition>}
      end={
        <>
          {curves.length > 1 && (
            <Select
              label="Plans of"
              value={nameOf(curve)}
              options={curves.map((entry) => ({ value: nameOf(entry), label: nameOf(entry) }))}
              onChange={(value) => choose({ ...chosen, curve: value })}
            />
          )}
          <Select
            label="Factor"
            value={factorKey(matrix?.factor ?? 1)}
            options={matrices.map(({ factor }) => ({ value: factorKey(factor), label: formatFactor(factor) }))}
            onChange={(factor) => choose({ ...chosen, factor })}
          />
          <SaveFigure
            subject={manifest.id}
            view={({ elsewhereView }) => elsewhereView({ manifest, document, theme }, curve)}
          />
        </>
      }
    >
      {summary !== undefined && <p className="findings">{summarySentence(summary, delta, title)}</p>}
      <ElsewhereTable
        rows={matrix?.rows ?? []}
        tasks={elsewhereTasks(document, curve.model)}
        everywhereOf={everywhereOf}
        title={title}
      />
      <p className="chart-caption">
        Difference to the unpruned model in points, paired on the same items. Bold: safe at the margin; italic: cannot
        tell; framed: the task that the plan was made for.
      </p>
      <Sentences sentences={thresholds.flatMap((threshold) => everywhereSentence(document, threshold, title) ?? [])} />
    </Section>
  );
};

type ElsewhereRow = ReturnType<typeof elsewhereMatrices>[number]['rows'][number];

interface ElsewhereTableProps {
  readonly rows: readonly ElsewhereRow[];
  readonly tasks: readonly string[];
  readonly everywhereOf: (madeFor: string | null) => string;
  readonly title: (task: string) => string;
}

const ElsewhereTable = ({ rows, tasks, everywhereOf, title }: ElsewhereTableProps) => {
  const nameOf = ({ madeFor }: ElsewhereRow): string => (madeFor === null ? 'All tasks at once' : title(madeFor));
  const columns = [
    { key: 'made for', title: 'Made for', order: nameOf, text: nameOf },
    {
      key: 'everywhere',
      title: <Definition of="everywhere">Safe everywhere</Definition>,
      words: 'Safe everywhere',
      order: ({ madeFor }: ElsewhereRow) => everywhereOf(madeFor),
      text: ({ madeFor }: ElsewhereRow) => everywhereOf(madeFor),
    },
    ...tasks.map((task, index) => ({
      key: `task ${task}`,
      title: title(task),
      numeric: true,
      order: ({ cells }: ElsewhereRow) => cells[index]?.difference ?? null,
      text: ({ cells }: ElsewhereRow) => {
        const cell = cells[index] ?? null;
        return cell === null ? '' : formatDifference(cell.difference, cell.metric);
      },
    })),
  ];
  return (
    <SortedTable
      label="Plans on tasks that they were not made for"
      className="threshold-matrix elsewhere-matrix"
      columns={columns}
      rows={rows}
    >
      {(row) => (
        <tr key={row.madeFor ?? ''}>
          <th scope="row">{nameOf(row)}</th>
          <td>{everywhereOf(row.madeFor)}</td>
          {row.cells.map((cell, index) =>
            cell === null ? (
              <td key={index} className="numeric muted">
                –
              </td>
            ) : (
              <Cell key={cell.task} cell={cell} isOwn={cell.task === row.madeFor} title={title} />
            ),
          )}
        </tr>
      )}
    </SortedTable>
  );
};

interface CellProps {
  readonly cell: SweepResult;
  readonly isOwn: boolean;
  readonly title: (task: string) => string;
}

const Cell = ({ cell, isOwn, title }: CellProps) => {
  const { task, difference, metric, verdict, n, lost, gained } = cell;
  const loss = metric === 'perplexity' ? 0 : Math.max(0, -difference);
  const look = verdict === 'safe' ? 'safe' : verdict === 'worse' ? 'loss' : 'open';
  return (
    <td
      className={`numeric elsewhere-cell elsewhere-${look}${isOwn ? ' elsewhere-own' : ''}`}
      style={{ '--level': Math.min(DEEPEST, loss / STEP) } as React.CSSProperties}
    >
      <Tooltip
        className="matrix-hold"
        content={
          <>
            <strong>{title(task)}</strong>
            <div>
              {formatDifferenceInUnit(difference, metric)} {formatInterval(cell, metric)}, n = {n}
            </div>
            <div>
              {lost} lost, {gained} gained: {pointVerdictText(verdict ?? 'undecided')}
            </div>
          </>
        }
      >
        {formatDifference(difference, metric)}
      </Tooltip>
    </td>
  );
};
