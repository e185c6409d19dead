import { useMemo, useState } from 'react';
import { MOST_SWEEPS } from '../../../main/contract/compare.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { settingsDifference } from '../../../main/evaluation/sweeps/settings-difference.ts';
import { figureTheme, type FigureTheme } from '../../../main/figures/colors.ts';
import { chartable, type RunsChart, runsChart } from '../../../main/figures/difference-chart.ts';
import type { RunEntry } from '../../../main/figures/run-tables.ts';
import { counted, formatCount } from '../../../main/words/numbers.ts';
import { LegendedChart } from '../../charts/chart-panels.tsx';
import { Button } from '../../components/button.tsx';
import { Select } from '../../components/choices.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { shownSetting } from '../../format/shown-setting.ts';
import { runsStore } from '../../state/runs-store.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
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
  const shown = offered.find((entry) => keyOf(entry) === wanted) ?? offered[0];
  const entries = charted.map(({ entry }) => entry);
  const settings = settingsDifference(entries.map(({ line }) => line.run)).differing;
  const delta = sweepDelta(entries[0]?.line.run ?? null);
  const chartIn = (look: FigureTheme): RunsChart | null =>
    shown === undefined ? null : runsChart(charted, { ...shown, delta, theme: look }, settings);
  const look = figureTheme(theme, title);
  const chart = chartIn(look);
  const left = picked.length - charted.length;
  return (
    <section className="chosen-curves" aria-label="Chosen runs">
      <div className="section-head">
        <h2>{counted(picked.length, 'run')} chosen</h2>
        {shown !== undefined && (
          <Select
            label="Curves of"
            value={keyOf(shown)}
            options={offered.map((entry) => ({
              value: keyOf(entry),
              label: `${entry.model} on ${title(entry.task)} (${counted(entry.runs, 'run')})`,
            }))}
            onChange={choose}
          />
        )}
        <div className="section-end">
          <SaveFigure
            subject="chosen"
            hasPicture={chart !== null}
            view={({ runsView }) => runsView({ entries: picked, theme }, chartIn)}
          />
          <Button look="quiet" small onClick={() => runsStore.setState({ chosen: [] })}>
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
      {chart !== null && (
        <LegendedChart
          figure={chart.figure}
          theme={look}
          label={`${chart.model} on ${title(chart.task)}: difference to unpruned against factor`}
          height={210}
        />
      )}
      {left > 0 && (
        <p className="muted">
          {`${formatCount(left)} of the chosen runs ${left === 1 ? 'has' : 'have'} no curve here: only sweeps have `}
          {`curves, once they are read, and at most ${String(MOST_SWEEPS)} are drawn.`}
        </p>
      )}
    </section>
  );
};
