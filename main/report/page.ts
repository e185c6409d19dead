import type { RunManifest } from '../contract/run.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { html, htmlAll, type HtmlNode, reportStyles } from './html.ts';

export const reportName = ({ id }: Pick<RunManifest, 'id'>): string => `${id}.html`;

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: readonly HtmlNode[];
  /** Part of the appendix: folded, and not printed unless it is expanded. */
  readonly isFolded?: boolean;
}

export interface PageContents {
  readonly manifest: RunManifest;
  readonly header: HtmlNode;
  readonly parts: readonly Section[];
  /** Follows the run that the numbers come from, below the header. */
  readonly origin?: string;
}

/** Says that a run is not finished; nothing where it is. */
export const unfinished = ({ state }: Pick<RunManifest, 'state'>, what: string): HtmlNode[] =>
  state === 'done'
    ? []
    : [
        html(
          'p',
          { class: 'notice' },
          `This ${what} is not finished (${state}): the page shows what was measured so far.`,
        ),
      ];

/** The header of a page: of what kind it is, what it is of, and what it says. */
export const pageHeader = (kind: string, title: string, lead: string, rest: readonly HtmlNode[] = []): HtmlNode =>
  html(
    'header',
    {},
    html('p', { class: 'eyebrow' }, `Uncurl Workbench \u00b7 ${kind}`),
    html('h1', {}, title),
    html('p', { class: 'lead' }, lead),
    rest,
  );

/**
 * A self-contained page: no scripts, no fonts, no network (a policy in its head forbids them). Light or dark like the
 * reader's system, laid out for A4 in print. Headed where its run was not measured here. Parts without content are left
 * out.
 */
export const htmlPage = ({ manifest, header, parts: all, origin = '' }: PageContents): string => {
  const parts = all.filter(({ content }) => content.length > 0);
  const head = html(
    'head',
    {},
    html('meta', { charset: 'utf-8' }),
    html('meta', { 'http-equiv': 'Content-Security-Policy', content: "default-src 'none'; style-src 'unsafe-inline'" }),
    html('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    html('meta', { name: 'color-scheme', content: 'light dark' }),
    html('meta', { name: 'generator', content: `Uncurl Workbench ${manifest.versions['uncurl'] ?? ''}`.trim() }),
    html('title', {}, `${manifest.title} \u2013 Uncurl Workbench`),
    { html: `<style>${reportStyles()}</style>` },
  );
  const contents = html(
    'nav',
    { 'aria-label': 'Contents' },
    html(
      'ul',
      {},
      parts
        .filter(({ isFolded = false }) => !isFolded)
        .map(({ id, title }) => html('li', {}, html('a', { href: `#${id}` }, title))),
    ),
  );
  const heading = provenanceHeading(manifest.provenance);
  const body = html(
    'body',
    {},
    heading === null ? [] : html('p', { class: 'notice', role: 'alert' }, html('strong', {}, heading)),
    header,
    html(
      'section',
      { class: 'muted origin', 'aria-label': 'Origin' },
      html('p', {}, `Run ${manifest.id}, ${manifest.createdAt}.${origin}`),
    ),
    contents,
    html(
      'main',
      {},
      parts.map(({ id, title, content, isFolded = false }) => {
        const heading = html('h2', { id: `${id}-title` }, title);
        return html(
          'section',
          { id, 'aria-labelledby': `${id}-title` },
          isFolded
            ? html('details', { class: 'appendix' }, html('summary', {}, heading), htmlAll(content))
            : htmlAll([heading, ...content]),
        );
      }),
    ),
  );
  return `<!DOCTYPE html>\n${html('html', { lang: 'en' }, head, body).html}\n`;
};
