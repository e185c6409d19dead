import type { RunManifest } from '../contract/run.ts';
import { html, type HtmlNode } from './html.ts';
import { reportTable } from './report-table.ts';

const record = (entries: readonly (readonly [name: string, value: string])[]): HtmlNode =>
  html('dl', { class: 'record' }, ...entries.flatMap(([name, value]) => [html('dt', {}, name), html('dd', {}, html('code', {}, value))]));

/** Where the numbers come from: models, tasks, versions, device, command line, and the manifest as it is on disk. */
export const recordSection = (manifest: RunManifest): HtmlNode[] => {
  const { id, createdAt, finishedAt, state, device, versions, commandLine, models, tasks } = manifest;
  return [
    record([
      ['run', id],
      ['state', state],
      ['created', createdAt],
      ['finished', finishedAt ?? 'not yet'],
      ['command line', commandLine],
      ['device', `${device.provider}, ${device.precision}, ${device.threads} ${device.threads === 1 ? 'thread' : 'threads'}, ${device.processor}`],
      ['versions', Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')],
    ]),
    reportTable(
      'Models. A fingerprint is a hash of configuration, tensor headers and sampled weights.',
      [
        { title: 'model', cell: ({ name }) => name },
        { title: 'fingerprint', cell: ({ fingerprint }) => html('code', {}, fingerprint) },
      ],
      models,
    ),
    reportTable(
      'Tasks. A hash is over the items of both splits.',
      [
        { title: 'task', cell: ({ name }) => name },
        { title: 'hash', cell: ({ hash }) => html('code', {}, hash) },
      ],
      tasks,
    ),
    html('details', {}, html('summary', {}, 'The manifest as it is on disk'), html('pre', {}, JSON.stringify(manifest, null, 2))),
  ];
};
