import type { HelpGroup, Verb } from './verb.ts';

/** Every verb by name, loaded on use: `info` need not wait for the runtime. */
export const verbs: Readonly<Record<string, () => Promise<Verb>>> = {
  info: async () => (await import('./verbs/info.ts')).info,
  models: async () => (await import('./verbs/models.ts')).models,
  download: async () => (await import('./verbs/models.ts')).download,
  push: async () => (await import('./verbs/models.ts')).push,
  forward: async () => (await import('./verbs/requests.ts')).forward,
  baseline: async () => (await import('./verbs/baseline.ts')).baseline,
  score: async () => (await import('./verbs/requests.ts')).score,
  generate: async () => (await import('./verbs/generate.ts')).generate,
  beside: async () => (await import('./verbs/beside.ts')).beside,
  import: async () => (await import('./verbs/import.ts')).importVerb,
  profile: async () => (await import('./verbs/profile.ts')).profile,
  plan: async () => (await import('./verbs/plan.ts')).plan,
  damage: async () => (await import('./verbs/damage.ts')).damage,
  recover: async () => (await import('./verbs/recover.ts')).recover,
  fit: async () => (await import('./verbs/fit.ts')).fit,
  sweep: async () => (await import('./verbs/sweep.ts')).sweep,
  export: async () => (await import('./verbs/export.ts')).exportVerb,
  finetune: async () => (await import('./verbs/training.ts')).finetune,
  experiment: async () => (await import('./verbs/training.ts')).experiment,
  verify: async () => (await import('./verbs/verify.ts')).verify,
  compare: async () => (await import('./verbs/compare.ts')).compare,
  frontier: async () => (await import('./verbs/frontier.ts')).frontier,
  outcomes: async () => (await import('./verbs/outcomes.ts')).outcomes,
  figures: async () => (await import('./verbs/figures.ts')).figures,
  report: async () => (await import('./verbs/report.ts')).report,
  runs: async () => (await import('./verbs/runs.ts')).runs,
  resume: async () => (await import('./verbs/resume.ts')).resume,
  steps: async () => (await import('./verbs/cluster.ts')).steps,
  work: async () => (await import('./verbs/cluster.ts')).work,
  submit: async () => (await import('./verbs/cluster.ts')).submit,
  reproduce: async () => (await import('./verbs/reproduce.ts')).reproduce,
  sample: async () => (await import('./verbs/sample.ts')).sample,
  serve: async () => (await import('./verbs/serve.ts')).serve,
  connect: async () => (await import('./verbs/connect.ts')).connect,
  mcp: async () => (await import('./verbs/mcp.ts')).mcp,
  doctor: async () => (await import('./verbs/doctor.ts')).doctor,
  methods: async () => (await import('./verbs/methods.ts')).methods,
};

/** The groups of verbs in help, as a newcomer meets them; `uncurl help` summarises the first ones. */
export const verbGroups: readonly HelpGroup[] = [
  { title: 'Start', names: ['info', 'fit', 'sweep', 'report', 'export', 'serve'] },
  { title: 'Look at results', names: ['compare', 'outcomes', 'frontier', 'figures', 'runs', 'resume'] },
  { title: 'Models and tasks', names: ['models', 'import', 'download', 'push'] },
  { title: 'Plans', names: ['methods', 'profile', 'plan', 'damage', 'recover'] },
  { title: 'Answers of a model', names: ['baseline', 'score', 'generate', 'beside', 'forward'] },
  { title: 'Training', names: ['finetune', 'experiment'] },
  { title: 'Other machines', names: ['connect', 'submit', 'work', 'steps'] },
  { title: 'Agents', names: ['mcp'] },
  { title: 'Checks', names: ['verify', 'reproduce', 'sample', 'doctor'] },
];

/** Groups that `uncurl help` summarises; of the others it lists the names. */
export const FIRST_GROUPS = 2;
