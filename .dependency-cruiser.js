/** The layers of the project, innermost first. Imports point one way, and nothing goes round in a circle. */
const ring = '^main/(contract|words|statistics|evaluation|figures)/';

/** What is in one folder may import only what is allowed; `dependencyTypes` and `path` speak of the imported module. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from: { path: from }, to });

export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'Files that import each other cannot be understood one by one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-missing-file',
      comment: 'The file is not there.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    rule('contract-alone', 'The contract imports nothing but itself and zod.', '^main/contract/', {
      pathNot: '^(main/contract/|.*node_modules/zod/)',
    }),
    rule('pure-ring', 'What both sides import knows no Node and nothing outside the ring.', ring, {
      path: '^(main|renderer|electron)/',
      pathNot: ring,
    }),
    rule('pure-ring-without-node', 'What both sides import knows no Node: files and deflate come as arguments.', ring, {
      dependencyTypes: ['core'],
    }),
    rule('engine-without-shell', 'The engine runs in plain Node: no shell, no window.', '^main/', {
      path: '^(electron|renderer)/|(^|/)node_modules/(electron|react|react-dom)/',
    }),
    rule('shell-knows-contract', 'The shell imports nothing but itself and the contract.', '^electron/', {
      path: '^(main|renderer)/',
      pathNot: '^main/contract/',
    }),
    rule('window-knows-ring', 'The window imports nothing but itself and the pure ring.', '^renderer/', {
      path: '^(main|electron)/',
      pathNot: ring,
    }),
    rule('window-without-node', 'The window runs in a browser.', '^renderer/', { dependencyTypes: ['core'] }),
    rule('window-without-electron', 'The window runs in a browser.', '^renderer/', {
      path: '(^|/)node_modules/electron/',
    }),
    rule(
      'features-apart',
      'What several views share lies in renderer/plan, sweep, profile, definitions or components.',
      '^renderer/features/([^/]+)/',
      { path: '^renderer/features/', pathNot: '^renderer/features/$1/' },
    ),
    rule('features-on-top', 'Shared parts of the window do not know the views.', '^renderer/(?!features/|app/|main)', {
      path: '^renderer/(features|app)/',
    }),
    rule(
      'cli-on-top',
      'Nothing but the hosts and the command line itself imports the command line.',
      '^main/(?!cli/|hosts/)',
      { path: '^main/cli/' },
    ),
    rule('files-below', 'Reading and writing files knows no runs, jobs or engine.', '^main/files/', {
      path: '^main/(?!files/|contract/)',
    }),
    rule(
      'engine-calls-on-jobs',
      'Jobs and runs know neither the calls that start them nor the reports that are made of them.',
      '^main/(jobs|runs|inference|pruning|checkpoint|graph|tasks|profile|export|workspace)/',
      { path: '^main/(engine|cli|hosts|report)/' },
    ),
    rule('runs-below-jobs', 'What a run leaves on disk is read without the jobs that wrote it.', '^main/runs/', {
      path: '^main/jobs/',
    }),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
