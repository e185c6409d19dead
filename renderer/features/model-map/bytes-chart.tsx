import { useMemo } from 'react';
import { isSamePoint, type SweepDocument, type SweepResult } from '../../../main/contract/sweep.ts';
import { onlyCharts } from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { isModelChartMeasured, modelChart } from '../../../main/figures/model-charts.ts';
import { resultKey } from '../../../main/figures/point-words.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { LegendedChart } from '../../charts/chart-panels.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { useFacts } from '../../engine/facts.ts';
import type { PointKey } from '../../state/selection.ts';
import { useResolvedTheme } from '../../state/theme.ts';

interface BytesChartProps {
  readonly document: SweepDocument;
  readonly subject: { readonly model: string; readonly task: string };
  /** The point that the map marks as selected. */
  readonly selected: PointKey | null;
  readonly onOpen: (result: SweepResult) => void;
}

const HEIGHT = 260;

/**
 * The models of the map by their bytes: a curve for each type of weights where some were rounded, else for each
 * method. A click opens what the cell of the map opens. Nothing where the sweep recorded no bytes.
 */
export const BytesChart = ({ document, subject: { model, task }, selected, onOpen }: BytesChartProps) => {
  const theme = useResolvedTheme();
  const { tasks } = useFacts();
  const look = useMemo(() => figureTheme(theme, titlesOf(tasks)), [theme, tasks]);
  const name = (['frontier', 'bytes'] as const).find((each) => isModelChartMeasured(each, document, model));
  const figure = useMemo(() => {
    const made = name === undefined ? null : modelChart(name).make(document, model, look);
    return made === null ? null : onlyCharts(made, [task]);
  }, [name, document, model, task, look]);
  if (figure === null || figure.charts.length === 0) return null;
  const point = selected === null ? undefined : document.results.find((result) => isSamePoint(result, selected));
  return (
    <figure className="model-map-bytes" aria-label="Accuracy against bytes">
      <LegendedChart
        label="Accuracy against bytes"
        figure={figure}
        theme={look}
        height={HEIGHT}
        selected={point === undefined ? null : resultKey(point)}
        onSelect={(key) => {
          const result = document.results.find((entry) => resultKey(entry) === key);
          if (result !== undefined) onOpen(result);
        }}
      />
      <Disclosure summary="How to read it">
        <p className="chart-caption">{figure.caption}</p>
      </Disclosure>
    </figure>
  );
};
