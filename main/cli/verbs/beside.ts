import { basename, resolve } from 'node:path';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { type BesideDocument, MOST_PLANS_BESIDE } from '../../contract/beside.ts';
import { refuse } from '../../contract/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import { besideLines } from '../../evaluation/beside.ts';
import { goneColumns, goneRows, likelyColumns, likelyRows } from '../../figures/compare-tables.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { choicesGone, endedText, traceText } from '../../words/beside.ts';
import { openWorkspace } from '../../workspace/open-workspace.ts';
import { stateFolder } from '../../workspace/user-key.ts';
import { CHAT_OPTION } from '../task-options.ts';
import { COMPUTE_OPTIONS, readTorchInUse, sayEngine } from '../engine-option.ts';
import { installRecovery, OUT_FILE, outFile, type PlanOnDisk, readPlanOption } from '../files.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { findModel, WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { columnsTable } from '../terminal-text.ts';
import { repeatedOption, valueOption, type Verb, type VerbResult } from '../verb.ts';

export const besideText = (document: BesideDocument): string =>
  document.columns
    .flatMap((column, index) => {
      const { name, tokens } = column;
      const text = [`${name} (${endedText(column)}):`, tokens.map((token) => token.text).join('')];
      if (index === 0) return text;
      const difference = document.differences[index - 1];
      const trace = traceText(document, index - 1);
      const along = trace === null ? text : [...text, trace];
      if (difference === null || difference === undefined) return [...along, 'No token differs.'];
      return [
        ...along,
        `First difference at new token ${difference.at + 1}. ${choicesGone(difference)}`,
        columnsTable(likelyColumns(name), likelyRows(difference)),
        columnsTable(goneColumns, goneRows(difference)),
      ];
    })
    .join('\n\n');

export const beside: Verb = {
  name: 'beside',
  usage: 'MODEL PROMPT --plan PLAN [--plan PLAN] [--out F.jsonl|F.html]',
  summary: 'Lets the unpruned model and one or two plans continue a prompt, and shows the first token that differs.',
  positionals: [2, 2],
  options: {
    plan: repeatedOption('PLAN', 'Plan that writes beside the unpruned model.'),
    ...CHAT_OPTION,
    'max-new-tokens': valueOption('N', 'The most tokens to write (default: 64).'),
    ...OUT_FILE,
    out: valueOption('FILE', 'File to write: .html for a page, else JSON lines.'),
    ...WORKSPACE_OPTION,
    ...COMPUTE_OPTIONS,
  },
  run: async (reader, host) => {
    const files = reader.texts('plan');
    if (files.length === 0 || files.length > MOST_PLANS_BESIDE)
      throw refuse(
        'bad-usage',
        `--plan is given ${files.length} times.`,
        `Give it once, or ${MOST_PLANS_BESIDE} times.`,
      );
    const out = reader.text('out') === undefined ? null : outFile(reader);
    const folder = await findModel(host, reader.argument(0));
    const { info } = await openCheckpoint(folder);
    const plans: PlanOnDisk[] = [];
    for (const file of files) {
      const plan = await readPlanOption(file, info);
      if (plan !== null) plans.push(plan);
    }
    const workspace = workspaceOf(reader, host);
    const { overlays } = (await openWorkspace(workspace, Date.now, stateFolder(host.settingsFile))).steps;
    for (const [index, { file, plan }] of plans.entries())
      plans[index] = {
        file,
        plan: await installRecovery({ file, plan }, overlays, workspace, host.environment, 'by content'),
      };
    const torch = await readTorchInUse(reader, host, [folder]);
    const write = async (engine: Engine): Promise<VerbResult> => {
      const { run } = await engine.call('beside.start', {
        model: engine.grantPath(folder),
        prompt: reader.argument(1),
        chat: reader.flag('chat') ? true : undefined,
        maxNewTokens: reader.whole('max-new-tokens', 1),
        plans: plans.map(({ file, plan }) => ({ name: basename(resolve(file), '.json'), plan })),
      });
      await sayEngine(engine, run, { reader, host, torch });
      await followRun(engine, run, host);
      const document = await engine.call('beside.read', { run });
      if (out !== null)
        await writeFileAtomically(
          out,
          out.endsWith('.html') ? (await engine.call('beside.report', { run })).html : besideLines(document),
        );
      return { document, text: besideText(document) };
    };
    return withEngine(reader, host, write, { torch });
  },
};
