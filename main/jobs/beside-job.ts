import { writeFile } from 'node:fs/promises';
import type { BesideDocument, BesideSettings } from '../contract/beside.ts';
import { besidePrompt, writeBeside } from '../generation/write-beside.ts';
import { type Job, jobOn, type RunModel, writeResult } from './job-context.ts';
import { requireTokenizer } from './task-work.ts';

/** Name of the result file in the run's folder. */
export const BESIDE_FILE = 'beside.json';

/** New tokens are announced at most this often, and only when they are this much more: an event holds all texts. */
const ANNOUNCED_EVERY_MS = 100;
const ANNOUNCED_GROWTH = 1.02;

/** Lets the unpruned model and plans continue a prompt; announces what they write, and stores it at the end. */
export const besideJob = (model: RunModel, settings: BesideSettings): Job =>
  jobOn([model.checkpoint], async (context) => {
    const { meter, signal, finish, run, now } = context;
    const { checkpoint, name } = model;
    meter.describe(`Opening ${name}`);
    const tokenizer = await requireTokenizer(checkpoint);
    const prompt = await besidePrompt(checkpoint, tokenizer, settings, context.madeAt);
    const runner = await context.runners.open(checkpoint);
    meter.setTotal(1);
    meter.begin(1);
    meter.describe('Writing');
    let announcedAt = Number.NEGATIVE_INFINITY;
    let announced = 0;
    const { columns, differences, trace } = await writeBeside(runner, tokenizer, prompt, settings.plans, {
      control: { signal, onProgress: (done, total) => meter.advance(done / total) },
      finish,
      wrote: (written) => {
        const tokens = written.reduce((sum, column) => sum + column.tokens.length, 0);
        if (now() - announcedAt < ANNOUNCED_EVERY_MS || tokens < ANNOUNCED_GROWTH * announced) return;
        announcedAt = now();
        announced = tokens;
        context.emit({ type: 'beside.written', run, columns: structuredClone([...written]) });
      },
    });
    const document: BesideDocument = {
      run,
      model: name,
      prompt: settings.prompt,
      context: prompt.context,
      promptTokens: prompt.tokens.length,
      mostNewTokens: prompt.mostNewTokens,
      columns,
      differences,
      ...(trace === undefined ? {} : { trace }),
    };
    const output = await writeResult(context, BESIDE_FILE, (file) =>
      writeFile(file, `${JSON.stringify(document, null, 1)}\n`),
    );
    meter.finish();
    const tokens = columns.reduce((sum, column) => sum + column.tokens.length, 0);
    return { output, summary: `${tokens} tokens written.` };
  });
