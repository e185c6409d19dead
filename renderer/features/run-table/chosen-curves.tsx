import { useMemo, useState } from 'react';
import { MOST_SWEEPS } from '../../../main/contract/compare.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { settingsDifference } from '../../../main/evaluation/sweeps/settings-difference.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import {
  differenceAxisTitle,
  type DifferenceFrame,
  drawDifferenceChart,
  type DrawnPoint,
  drawnPoints,
} from '../../../main/figures/difference-chart.ts';
import { drawMark } from '../../../main/figures/method-marks.ts';
import type { RunEntry } from '../../../main/figures/run-tables.ts';
import { chartable, type RunsChart, runsChart } from '../../../main/figures/difference-figure.ts';
import { counted, formatCount, formatFactor } from '../../../main/words/numbers.ts';
import { pointVerdictText } from '../../../main/words/verdicts.ts';
import { nearestMark, useElementWidth } from '../../charts/chart-element.ts';
import { ChartTip } from '../../charts/chart-tip.tsx';
import { Button } from '../../components/button.tsx';
import { Select } from '../../components/choices.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { shownSetting } from '../../format/shown-setting.ts';
import { runsStore } from '../../state/runs-store.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { drawsLines } from '../../sweep/points.ts';
import { sweepDelta } from '../../sweep/shown-sweep.ts';

interface ChosenCurvesProps {
  /** The chosen runs, in the order of choosing. */
  readonly picked: readonly RunEntry[];
  /** Results of the sweeps among them that have been read. */
  readonly documents: ReadonlyMap<string, SweepDocument>;
  readonly title: (task: string) => string;
  readonly theme: ResolvedTheme;
}

/** The curves of the chosen sweeps in one chart, under the settings in which they differ. */
export const ChosenCurves = ({ picked, documents, title, theme }: ChosenCurvesProps) => {
  const [wanted, choose] = useState<string | null>(null);
  const charted = useMemo(
    () =>
      picked
        .flatMap((entry) => {
          const document = documents.get(entry.line.run.id);
          return document === undefined ? [] : [{ entry, name: entry.line.name, document }];
        })
        .slice(0, MOST_SWEEPS),
    [picked, documents],
  );
  const offered = chartable(charted);
  const keyOf = ({ model, task }: { readonly model: string; readonly task: string }): string =>
    JSON.stringify([model, task]);
  const shown = offered.find((one) => keyOf(one) === wanted) ?? offered[0];
  const entries = charted.map(({ entry }) => entry);
  const settings = settingsDifference(entries.map(({ line }) => line.run)).differing;
  const delta = sweepDelta(entries[0]?.line.run ?? null);
  const chart = shown === undefined ? null : runsChart(charted, { ...shown, delta, theme: figureTheme(theme) });
  const left = picked.length - charted.length;
  return (
    <section className="chosen-curves" aria-label="Chosen runs">
      <div className="section-head">
        <h2>{counted(picked.length, 'run')} chosen</h2>
        {shown !== undefined && (
          <Select
            label="Curves of"
            value={keyOf(shown)}
            options={offered.map((one) => ({
              value: keyOf(one),
              label: `${one.model} on ${title(one.task)} (${counted(one.runs, 'run')})`,
            }))}
            onChange={choose}
          />
        )}
        <div className="section-end">
          <SaveFigure
            subject="chosen"
            hasPicture={chart !== null}
            view={({ runsView }) => runsView({ entries: picked, settings, theme }, chart)}
          />
          <Button look="quiet" small onClick={() => runsStore.getState().clearChosen()}>
            Clear the choice
          </Button>
        </div>
      </div>
      {charted.length > 1 &&
        (settings.length === 0 ? (
          <p className="muted">All settings of these sweeps are the same.</p>
        ) : (
          <DataTable
            caption="Settings in which the chosen sweeps differ"
            rows={settings.map((setting) => shownSetting(setting, title))}
            rowKey={({ key }) => key}
            columns={[
              { key: 'setting', title: 'Setting that differs', cell: ({ key }) => key },
              ...entries.map(({ line: { run, name } }, index) => ({
                key: run.id,
                title: name,
                cell: ({ values }: (typeof settings)[number]) => values[index],
              })),
            ]}
          />
        ))}
      {chart !== null && <CurvesChart chart={chart} title={title} theme={theme} />}
      {left > 0 && (
        <p className="muted">
          {`${formatCount(left)} of the chosen runs ${left === 1 ? 'has' : 'have'} no curve here: only sweeps have `}
          {`curves, once they are read, and at most ${String(MOST_SWEEPS)} are drawn.`}
        </p>
      )}
    </section>
  );
};

/** In CSS pixels; on the right, room for the marks beside the last factor. */
const PLOT = { left: 62, right: 28, top: 8, bottom: 22, height: 230 } as const;
const TIP_WIDTH = 262;

interface CurvesChartProps {
  readonly chart: RunsChart;
  readonly title: (task: string) => string;
  readonly theme: ResolvedTheme;
}

/** The chart as it is saved, with its points under the pointer in words. */
const CurvesChart = ({ chart: { model, panel, marks, labels, largestFactor }, title, theme }: CurvesChartProps) => {
  const [element, width] = useElementWidth<HTMLDivElement>();
  const [hovered, setHovered] = useState<DrawnPoint | null>(null);
  const [emphasised, emphasise] = useState<string | null>(null);
  const figure = figureTheme(theme);
  const frame: DifferenceFrame = {
    left: PLOT.left,
    top: PLOT.top,
    width: width - PLOT.left - PLOT.right,
    height: PLOT.height - PLOT.top - PLOT.bottom,
    largestFactor,
    marks,
    emphasised: emphasised ?? hovered?.point.method ?? null,
    theme: figure,
  };
  return (
    <>
      <ul className="rows run-legend" aria-label="Curves">
        {[...marks].map(([key, mark]) => (
          <li key={key} onPointerEnter={() => emphasise(key)} onPointerLeave={() => emphasise(null)}>
            <svg width="30" height="12" aria-hidden="true">
              <line x1="0" x2="30" y1="6" y2="6" stroke={mark.color} strokeWidth="1.8" strokeDasharray={mark.dash} />
              <g dangerouslySetInnerHTML={{ __html: drawMark(mark, 15, 6, 3.6).svg }} />
            </svg>
            {labels.get(key)}
          </li>
        ))}
      </ul>
      <div
        className="curve-chart"
        ref={element}
        role="img"
        aria-label={
          `${model} on ${title(panel.task)}: ${differenceAxisTitle(panel.metric)} against factor, ` +
          `${counted(marks.size, 'curve')}. The numbers are in the table below.`
        }
        style={{ height: PLOT.height }}
        onPointerMove={(event) => setHovered(nearestMark(drawnPoints(panel, frame), event))}
        onPointerLeave={() => setHovered(null)}
      >
        {width > 0 && (
          <svg width={width} height={PLOT.height} fontSize={11} aria-hidden="true">
            <g dangerouslySetInnerHTML={{ __html: drawDifferenceChart(panel, frame).svg }} fill={figure.ink} />
          </svg>
        )}
        {hovered !== null && (
          <ChartTip
            at={hovered}
            chart={{ width, height: PLOT.height }}
            width={TIP_WIDTH}
            title={
              `${labels.get(hovered.point.method) ?? ''}, ${formatFactor(hovered.point.factor)}: ` +
              pointVerdictText(hovered.point.verdict)
            }
            lines={drawsLines(hovered.point)}
          />
        )}
      </div>
    </>
  );
};
