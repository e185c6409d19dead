import type { SizePair } from '../../../main/contract/size-trend.ts';
import {
  drawPairChart,
  type PairChart as Drawn,
  pairChartHeight,
  type PairPanel,
  type PairPoint,
  type PairRow,
} from '../../../main/figures/size-pair-figure.ts';
import { PointedChart } from './pointed-chart.tsx';
import { dotText } from './threshold-text.ts';

interface PairChartProps extends Pick<Drawn, 'domain' | 'marks' | 'theme'> {
  readonly id: string;
  readonly title: string;
  readonly panel: PairPanel;
  readonly onSelect: (pair: SizePair) => void;
}

const LABELS_PX = 54;
const RIGHT_PX = 8;
const AXIS_PX = 22;

const keyOf = (row: PairRow, { method }: PairPoint): string => JSON.stringify([row.largeExperts, row.experts, method]);

/** One task: large models pruned to E' minus models trained with E', one row per pair of sizes, one mark per method. */
export const PairChart = ({ id, title, panel, onSelect, ...chart }: PairChartProps) => {
  const find = (key: string): { readonly row: PairRow; readonly point: PairPoint } | undefined =>
    panel.rows
      .flatMap((row) => row.points.map((point) => ({ row, point })))
      .find(({ row, point }) => keyOf(row, point) === key);
  return (
    <PointedChart
      id={id}
      label={`${title}: pruned model minus model trained with the same number of experts`}
      height={pairChartHeight(panel.rows.length, chart.marks.size) + AXIS_PX}
      text={(key) => {
        const found = find(key);
        return found === undefined ? null : dotText(found.row, found.point);
      }}
      onSelect={(key) => {
        const pair = find(key)?.point.pairs[0];
        if (pair !== undefined) onSelect(pair);
      }}
      draw={(width) => {
        const area = { left: LABELS_PX, top: 0, width: width - LABELS_PX - RIGHT_PX };
        const { nodes, points } = drawPairChart(panel, { ...chart, ...area });
        return { nodes, points: points.map(({ row, point, x, y }) => ({ key: keyOf(row, point), x, y })) };
      }}
    />
  );
};
