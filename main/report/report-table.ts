import { html, htmlAll, type HtmlContent, type HtmlNode } from './html.ts';

export interface ReportColumn<T> {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
  readonly cell: (row: T) => HtmlContent;
}

/** A table with a caption; the first column names its row. */
export const reportTable = <T>(caption: HtmlContent, columns: readonly ReportColumn<T>[], rows: readonly T[]): HtmlNode => {
  const align = ({ isNumber = false }: ReportColumn<T>): Readonly<Record<string, string>> => (isNumber ? { class: 'number' } : {});
  return html(
    'div',
    { class: 'wide' },
    html(
      'table',
      {},
      html('caption', {}, caption),
      html('thead', {}, html('tr', {}, ...columns.map((column) => html('th', { scope: 'col', ...align(column) }, column.title)))),
      html(
        'tbody',
        {},
        htmlAll(
          rows.map((row) =>
            html(
              'tr',
              {},
              ...columns.map((column, index) =>
                index === 0
                  ? html('th', { scope: 'row', ...align(column) }, column.cell(row))
                  : html('td', align(column), column.cell(row)),
              ),
            ),
          ),
        ),
      ),
    ),
  );
};
