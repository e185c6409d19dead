import { isSameFactor, type PointVerdict } from '../../../main/contract/sweep.ts';
import type { ModelTree, TreeKind, TreePoint, TreeRow } from '../../../main/evaluation/model-tree.ts';
import { treePointText, verdictMarks } from '../../../main/figures/model-tree-figure.ts';
import {
  differenceUnit,
  formatBytes,
  formatDifference,
  formatFactor,
  formatInterval,
  formatValue,
} from '../../../main/words/numbers.ts';
import { pointVerdictText } from '../../../main/words/verdicts.ts';
import { Definition } from '../../components/definition.tsx';
import { TipText, Tooltip } from '../../components/tooltip.tsx';
import { walkCells } from '../../components/walk-members.ts';

const look = (verdict: PointVerdict | null): string =>
  verdict === null || verdict === 'at-chance' || verdict === 'nothing-to-lose' ? 'none' : verdict;

/** What the colours, marks and numbers mean. */
export const VerdictLegend = ({ tree }: { readonly tree: ModelTree }) => {
  const metric = tree.rows[0]?.points[0]?.draws[0]?.metric;
  return (
    <span className="model-map-legend">
      {(['safe', 'undecided', 'worse'] as const).map((verdict) => (
        <span key={verdict}>
          <span className={`model-map-swatch model-${look(verdict)}`} aria-hidden="true">
            {verdictMarks[verdict]}
          </span>{' '}
          {pointVerdictText(verdict)}
        </span>
      ))}
      {metric !== undefined && metric !== 'perplexity' && <span>unpruned: %; others: points</span>}
    </span>
  );
};

/** Rows up to the one that a row was made from. */
const rowsAbove = (rows: readonly TreeRow[], line: number): number =>
  line - rows.findIndex(({ method }) => method === rows[line]?.parent);

interface TreeProps {
  readonly label: string;
  readonly tree: ModelTree;
  readonly isSelected: (point: TreePoint) => boolean;
  /** 0 or 1 for the first and the second of the compared models; else -1. */
  readonly placeOf: (point: TreePoint) => number;
  /** `asSecond`: with a key that chooses it for a comparison. */
  readonly onOpen: (point: TreePoint, asSecond: boolean) => void;
}

/** The tree: each row under what it was made from, its models by factor. */
export const ModelTreeTable = ({ label, tree: { factors, rows }, ...props }: TreeProps) => (
  <div className="table-scroll model-tree-frame" tabIndex={0} role="region" aria-label={label} onKeyDown={walkCells}>
    <table className="data-table model-tree">
      <thead>
        <tr>
          <th scope="col">Made by</th>
          {factors.map((factor) => (
            <th key={factor} scope="col" className="numeric">
              {factor === 1 ? <Definition of="factor">{formatFactor(factor)}</Definition> : formatFactor(factor)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, line) => (
          <tr key={row.method}>
            <th scope="row" className={`model-tree-${row.kind === 'made elsewhere' ? 'elsewhere' : row.kind}`}>
              <span
                className="model-tree-branch"
                style={{ '--depth': row.depth, '--above': rowsAbove(rows, line) } as React.CSSProperties}
              >
                {row.title}
                {row.kind === 'made elsewhere' && <small className="muted"> made elsewhere</small>}
              </span>
            </th>
            {factors.map((factor, column) => {
              const point = row.points.find((entry) => isSameFactor(entry.factor, factor));
              return point === undefined ? (
                <td key={factor} />
              ) : (
                <ModelCell key={factor} row={row} point={point} line={line} column={column} {...props} />
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

/** Exact numbers of a model, a line for each draw. */
const pointLines = ({ draws, bytes }: TreePoint): readonly string[] => [
  ...draws.map(({ seed, value, metric, difference, low, high, verdict }) =>
    [
      seed === null || draws.length === 1 ? '' : `seed ${String(seed)}: `,
      `${formatValue(value, metric)}${metric === 'perplexity' ? '' : ' %'}`,
      verdict === null && difference === 0
        ? ''
        : `, difference ${formatDifference(difference, metric)} ${formatInterval({ low, high }, metric)}` +
          differenceUnit(metric),
      verdict === undefined || verdict === null ? '' : `: ${pointVerdictText(verdict)}`,
    ].join(''),
  ),
  ...(bytes === null ? [] : [formatBytes(bytes)]),
];

/** Models with every expert, whose difference is not read. */
const WHOLE: Partial<Record<TreeKind, string>> = {
  unpruned: 'the unpruned model',
  trained: 'the unpruned model, trained',
};

interface CellProps extends Omit<TreeProps, 'label' | 'tree'> {
  readonly row: TreeRow;
  readonly point: TreePoint;
  readonly line: number;
  readonly column: number;
}

const ModelCell = ({ row, point, line, column, isSelected, placeOf, onOpen }: CellProps) => {
  const { factor, draws, verdict, bytes } = point;
  const [first] = draws;
  const place = placeOf(point);
  const shown = treePointText(point);
  const name = factor > 1 ? `${row.name} ${formatFactor(factor)}` : row.name;
  const lines = pointLines(point);
  const size = bytes === null ? '' : formatBytes(bytes);
  const mark = place >= 0 ? String(place + 1) : verdict === null ? '' : verdictMarks[verdict];
  const places = place < 0 ? [] : [`${place === 0 ? 'first' : 'second'} of two`];
  const words = verdict === null ? (WHOLE[row.kind] ?? 'every expert kept') : pointVerdictText(verdict);
  return (
    <td className={`matrix-cell model-${look(verdict)}`}>
      <Tooltip
        focusable={false}
        className="matrix-hold"
        content={<TipText title={`${name}: ${words}`} lines={lines} />}
      >
        <button
          type="button"
          data-line={line}
          data-column={column}
          tabIndex={line === 0 && column === 0 ? 0 : -1}
          disabled={first === undefined}
          aria-pressed={isSelected(point) || place >= 0}
          className={place < 0 ? undefined : 'model-tree-chosen'}
          aria-label={[`${name}: ${words}`, ...lines, ...places, `${place < 0 ? '' : mark} ${shown} ${size}`].join(
            '; ',
          )}
          onClick={(event) => onOpen(point, event.ctrlKey || event.metaKey || event.shiftKey)}
        >
          <span className="model-tree-mark" aria-hidden="true">
            {mark}
          </span>{' '}
          <strong>{shown}</strong> <small>{size}</small>
        </button>
      </Tooltip>
    </td>
  );
};
