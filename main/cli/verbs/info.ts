import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { unusedTemplateNote } from '../../tasks/chat/ask-tasks.ts';
import { findModel } from '../subjects.ts';
import { printedBytes, printedCount } from '../terminal-text.ts';
import { textList } from '../text-table.ts';
import type { Verb } from '../verb.ts';

export const info: Verb = {
  name: 'info',
  usage: 'MODEL',
  summary: 'Facts about a checkpoint, read from its headers.',
  positionals: [1, 1],
  options: {},
  run: async ({ positionals: [named = ''] }, { resources }) => {
    const { name, folder, fingerprint, info: facts } = await openCheckpoint(await findModel(resources, named));
    const { parameters, memory, reasons, chatTemplate } = facts;
    const notes = chatTemplate === undefined ? reasons : [...reasons, unusedTemplateNote(chatTemplate)];
    const text = textList([
      ['model', name],
      ['folder', folder],
      ['family', facts.family],
      ['layers', `${String(facts.layers)} (${String(facts.moeLayers)} with experts)`],
      [
        'experts',
        `${String(facts.experts)} per layer, top-${String(facts.topK)} per token, ` +
          `${String(facts.sharedExperts)} shared`,
      ],
      ['widths', `hidden ${String(facts.hidden)}, expert ${String(facts.expertWidth)}`],
      [
        'parameters',
        `${printedCount(parameters.total)} (${printedCount(parameters.expert)} in experts, ` +
          `${printedCount(parameters.active)} used per token)`,
      ],
      ['on disk', `${printedBytes(facts.sizeBytes)}, ${facts.dtype}`],
      ['memory', `${printedBytes(memory.resident)} resident, ${printedBytes(memory.streaming)} streaming`],
      ['runs here', facts.supported ? 'yes' : 'no'],
      ...notes.map((note) => ['note', note] as const),
    ]);
    return { document: { name, folder, fingerprint, ...facts }, text };
  },
};
