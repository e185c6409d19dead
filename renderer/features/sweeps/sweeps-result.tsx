import { useState } from 'react';
import type { SweepsComparison, SweepsRow } from '../../../main/contract/compare.ts';
import { sweepsOverview } from '../../../main/evaluation/sweeps/compare-sweeps.ts';
import { pick } from '../../../main/figures/columns.ts';
import { sweepsColumns } from '../../../main/figures/compare-tables.ts';
import { Select } from '../../components/choices.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { formatMoment } from '../../format/format-time.ts';
import { inTaskTitles, titlesOf } from '../../../main/words/task-titles.ts';
import { shownSetting } from '../../format/shown-setting.ts';
import './sweeps.css';
import { formatCount, UNITS_NOTE } from '../../../main/words/numbers.ts';

/** Adds the date, because sweeps of the same models and tasks have the same name. */
const shownName = ({ name, createdAt }: SweepsComparison['runs'][number]): string =>
  `${name}, ${formatMoment(createdAt, new Date())}`;

const rowKey = (row: SweepsRow): string =>
  JSON.stringify([row.run, row.model, row.task, row.method, row.factor, row.referenceMethod]);

export const SweepsResult = ({ runs }: { readonly runs: readonly string[] }) => {
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const comparison = useQuery('sweeps.compare', { runs: [...runs] });
  if (comparison.error !== null) return <Problem error={comparison.error} />;
  if (comparison.data === undefined) return <p className="muted dialog-reading">Reading the answers of the sweeps…</p>;
  const named = comparison.data.runs.map((run) => ({ ...run, name: inTaskTitles(run.name, tasks) }));
  const title = titlesOf(tasks);
  const settings = comparison.data.settings.map((setting) => shownSetting(setting, title));
  const shown = { ...comparison.data, runs: named, settings };
  return (
    <div className="dialog-body sweeps-result">
      <Settings comparison={shown} />
      <Differences comparison={shown} title={title} />
      {comparison.data.notes.map((note) => (
        <p key={note} className="muted">
          {inTaskTitles(note, tasks)}
        </p>
      ))}
    </div>
  );
};

const Settings = ({ comparison: { runs, settings, sameSettings } }: { readonly comparison: SweepsComparison }) => (
  <section className="stack" aria-label="Settings of the sweeps">
    <h3>Settings that differ</h3>
    {settings.length > 0 && (
      <DataTable
        caption="Settings that differ"
        rows={settings}
        rowKey={({ key }) => key}
        columns={[
          { key: 'setting', title: 'Setting', cell: ({ key }) => key },
          ...runs.map((run, index) => ({
            key: run.run,
            title: index === 0 ? `${shownName(run)} (reference)` : shownName(run),
            cell: ({ values }: (typeof settings)[number]) => <span className="sweeps-value">{values[index]}</span>,
          })),
        ]}
      />
    )}
    <p className="muted">
      {settings.length === 0
        ? `All ${formatCount(sameSettings)} settings are the same.`
        : `${formatCount(sameSettings)} others are the same.`}
    </p>
  </section>
);

const SHOWN = 'task method factor difference interval reading items value reference p p_holm';

interface DifferencesProps {
  readonly comparison: SweepsComparison;
  readonly title: (task: string) => string;
}

const Differences = ({ comparison, title }: DifferencesProps) => {
  const { runs, rows } = comparison;
  const [chosen, choose] = useState<string | null>(null);
  const models = [...new Set(rows.map(({ model }) => model))];
  const model = models.find((known) => known === chosen) ?? models[0] ?? '';
  const [reference, ...others] = runs;
  if (rows.length === 0) return null;
  return (
    <section className="stack" aria-label="Differences">
      <div className="sweeps-head">
        <h3>Difference to {reference === undefined ? '' : shownName(reference)}</h3>
        {models.length > 1 && (
          <Select
            label="Model"
            value={model}
            options={models.map((name) => ({ value: name, label: name }))}
            onChange={choose}
          />
        )}
      </div>
      <p>{sweepsOverview(comparison)}</p>
      {others.map((other) => {
        const matchingRows = rows.filter((row) => row.run === other.run && row.model === model);
        return (
          <div key={other.run}>
            {others.length > 1 && <h4>{shownName(other)}</h4>}
            <DataTable
              caption={`${shownName(other)} compared with the reference, ${model}`}
              rows={matchingRows}
              rowKey={rowKey}
              columns={shownColumns(pick(sweepsColumns, SHOWN), matchingRows, title)}
            />
          </div>
        );
      })}
      <p className="muted">{UNITS_NOTE}</p>
    </section>
  );
};
