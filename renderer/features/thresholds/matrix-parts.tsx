import type { ReactNode } from 'react';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { formatCount, formatRange } from '../../../main/words/numbers.ts';
import { thresholdLook, thresholdValue } from '../../../main/words/verdicts.ts';
import { Definition } from '../../components/definition.tsx';
import { TipText, Tooltip } from '../../components/tooltip.tsx';
import type { ChartTip } from '../../../main/figures/chart.ts';

/** Deepest tint, for thresholds of 64 and above; one step per doubling. */
const DEEPEST = 6;

/** The tint of a cell that is safe up to a factor. */
export const cellTint = (factor: number | null): React.CSSProperties =>
  ({ '--level': Math.min(DEEPEST, Math.log2(factor ?? 1)) }) as React.CSSProperties;

/** Mark of a cell where more texts of the unpruned model ran out of tokens than a verdict bears. */
export const TRUNCATED = 'truncated';

interface ThresholdCellProps {
  readonly threshold: SizeThreshold;
  /** What colours the cell, if not the threshold that a click opens. */
  readonly colouredBy?: (Parameters<typeof thresholdLook>[0] & Pick<SizeThreshold, 'lastSafe'>) | undefined;
  /** Exact numbers, for the tooltip. */
  readonly text: ChartTip;
  /** Accessible name, which starts with the visible text. */
  readonly label: string;
  readonly isSelected: (threshold: SizeThreshold) => boolean;
  readonly onSelect: (threshold: SizeThreshold) => void;
  /** Whether truncation was measured, which the tooltip explains. */
  readonly isTruncated: boolean;
  /** The visible text. */
  readonly children: ReactNode;
}

/** A cell in a matrix of thresholds, tinted by how far is safe; a click opens the curve behind it. */
export const ThresholdCell = ({
  threshold,
  colouredBy = threshold,
  text,
  label,
  isSelected,
  onSelect,
  isTruncated,
  children,
}: ThresholdCellProps) => (
  <td className={`matrix-cell cell-${thresholdLook(colouredBy)}`} style={cellTint(colouredBy.lastSafe)}>
    <Tooltip focusable={false} className="matrix-hold" content={<TipText {...text} />}>
      <button
        type="button"
        aria-pressed={isSelected(threshold)}
        aria-label={`${label}. Show its curve`}
        onClick={() => onSelect(threshold)}
      >
        {children}
        {isTruncated && <small className="cell-truncated"> {TRUNCATED}</small>}
      </button>
    </Tooltip>
  </td>
);

/** The heading of a model with its number of experts. */
const modelTitle = ({ name, experts }: SizeTrendDocument['models'][number]) => (
  <>
    <span className="matrix-model">{name}</span>
    <small>
      <Definition of="experts">E</Definition> {formatCount(experts)}
    </small>
  </>
);

interface MatrixRows {
  readonly title: (task: string) => string;
  readonly heading: { readonly title: ReactNode; readonly words?: string };
  readonly itemsOf: (task: string) => readonly number[];
  /** The threshold in a cell; undefined where there is none. */
  readonly thresholdOf: (task: string, model: string) => SizeThreshold | undefined;
}

/** Columns of a matrix of thresholds: tasks, their test items, and each model, sorted by its largest safe factor. */
export const matrixColumns = (
  { models }: Pick<SizeTrendDocument, 'models'>,
  { title, heading, itemsOf, thresholdOf }: MatrixRows,
) => [
  { key: 'task', ...heading, order: title, text: title },
  {
    key: 'items',
    title: <Definition of="items">n</Definition>,
    words: 'n',
    numeric: true,
    order: (task: string) => itemsOf(task)[0] ?? null,
    text: (task: string) => formatRange(itemsOf(task)),
  },
  ...models.map((model) => ({
    key: `model ${model.name}`,
    title: modelTitle(model),
    words: model.name,
    numeric: true,
    order: (task: string) => thresholdOf(task, model.name)?.lastSafe ?? null,
    text: (task: string) => {
      const found = thresholdOf(task, model.name);
      return found === undefined ? '' : thresholdValue(found);
    },
  })),
];
