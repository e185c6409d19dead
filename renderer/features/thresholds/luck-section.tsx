import { useState } from 'react';
import { factorKey } from '../../../main/contract/sweep.ts';
import { luckSentences } from '../../../main/evaluation/calibration-luck.ts';
import { pick } from '../../../main/figures/columns.ts';
import type { ChartFigure } from '../../../main/figures/chart.ts';
import { figureTheme, type FigureTheme } from '../../../main/figures/colors.ts';
import { luckFigure, luckPictures } from '../../../main/figures/luck-figure.ts';
import { luckColumns, luckKey, luckRows } from '../../../main/figures/tables.ts';
import { formatFactor } from '../../../main/words/numbers.ts';
import { ChartsOrTable, Select } from '../../components/choices.tsx';
import { ChartLegend, ChartPanels } from '../../charts/chart-panels.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section, Sentences } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { withTaskTitles } from '../../../main/words/task-titles.ts';
import type { MeasuredProps } from './shown-size-trend.ts';

const TITLE = 'How much hangs on the calibration items?';
const SHOWN = 'method items verdict safe_draws thresholds all lowest deviation in_common rank_correlation few_tokens';

/**
 * Calibration draws at one factor, as a table or, on demand, as a picture over the number of items: the plan of all
 * calibration items beside those of the draws. Nothing is shown if no plan of the shown methods was drawn.
 */
export const LuckSection = ({ manifest, document, shown, theme, title }: MeasuredProps) => {
  const [chosen, choose] = useState('');
  const [asTable, showTable] = useState(true);
  const rows = luckRows(document).filter(({ method }) => shown.includes(method));
  const factors = new Map(rows.map(({ factor }) => [factorKey(factor), factor]));
  const ascending = [...factors].sort(([, one], [, other]) => one - other);
  const factor = factors.has(chosen) ? chosen : (ascending[0]?.[0] ?? '');
  const matchingRows = rows.filter((row) => factorKey(row.factor) === factor);
  const pictures = luckPictures(document, shown).filter((entry) => factorKey(entry.factor) === factor);
  const [picture] = pictures;
  if (matchingRows.length === 0 || picture === undefined) return null;
  const look = figureTheme(theme, title);
  const models = new Set(rows.map(({ model }) => model)).size;
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const calibrationDraws = (document.calibrationDraws ?? []).filter(({ result }) => shown.includes(result.method));
  return (
    <Section
      label={TITLE}
      title={<Definition of="calibrationDraw">{TITLE}</Definition>}
      end={
        <>
          <Select
            label="Factor"
            value={factor}
            options={ascending.map(([value, one]) => ({ value, label: formatFactor(one) }))}
            onChange={choose}
          />
          <SaveFigure
            subject={manifest.id}
            view={({ calibrationDrawsView }) => calibrationDrawsView({ manifest, document, theme }, picture)}
          />
          <ChartsOrTable asTable={asTable} onChange={showTable} />
        </>
      }
    >
      <Sentences
        sentences={luckSentences({ ...document, calibrationDraws }).map((sentence) =>
          withTaskTitles(sentence, tasks, title),
        )}
      />
      {!asTable &&
        pictures.map((entry) => <Pictured key={entry.model} figure={luckFigure(document, entry, look)} theme={look} />)}
      {asTable && (
        <DataTable
          caption="Calibration draws: the plans of items drawn again beside the plan of all items"
          rows={matchingRows}
          rowKey={luckKey}
          columns={shownColumns(pick(luckColumns, `task ${models > 1 ? 'model ' : ''}${SHOWN}`), matchingRows, title)}
        />
      )}
    </Section>
  );
};

const Pictured = ({ figure, theme }: { readonly figure: ChartFigure; readonly theme: FigureTheme }) => (
  <section aria-label={figure.title}>
    <p className="chart-caption">{`${figure.title}. ${figure.caption}`}</p>
    <ChartLegend entries={figure.legend} />
    <ChartPanels id="luck" figure={figure} theme={theme} />
  </section>
);
