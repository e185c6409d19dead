// Generated from resources/*/run by "npm run docs"; tests/structure/bundled-records.test.ts compares.

/** SHA-256 of every file of the bundled records as a workspace gets it, by record. */
export const bundledRecords: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  elsewhere: {
    'manifest.json': 'b9d86124a4439676cc29171f08f93cbd104049c29e4ddbc647c45ad7fca70a12',
    'results.json': '8468f3ee15fd1b06dcaaf327a825df21166e4180ab5bbaa6455fe916d3503569',
  },
  endings: {
    'manifest.json': 'cd921c6cd99b4d33437dba974d62640119ff8d0159e870971b19ff3d90ec6fd6',
    'results.json': '350ddba7c45fcfe158b4e4140d00908565d1cf23bbcb923a538fa177c91fc542',
  },
  experiment: {
    'experiment.json': 'e4d8b73b3d618846dbc90a25be88739f203deaf0e1fa7e3d47fd89dbbf48c792',
    'manifest.json': '30845d045e29b0cddd4a8643d7520e0f6cc2a994b7d848a87db2e3b22b1cf787',
  },
  forecast: {
    'manifest.json': '27cb5d388286bc70259e182ac0ede0d3a3e6f8106c68de7d76b5e3b5dff4c027',
    'results.json': '33fa9937e0e022c78c8cf3dc2e0802f19d7e36dacf71a666b1b050a06447db7b',
  },
  frontier: {
    'frontier.json': 'e90704b417d60fbd2853ab9588518c5cbb3a55f043c8fa38e9ab3654ed4eff54',
    'manifest.json': '939b640f0c206a0eda9ba9824a5e5fd6bcaa0b1ecf26d743cfb95622c9d4aedb',
  },
  luck: {
    'manifest.json': 'ea69d7ac04bde517f08ff257040388bb5964f91e64875b187b0077744e10c8d6',
    'results.json': 'f1b6d6d9c54befa9a1142d93b91acaac4d1e7f0a1838d3a808bf572b7025aa80',
  },
  sample: {
    'manifest.json': 'df6ba2f2bdeec3263493c93f765761d4e11d9b084a1a77f12079fc78e78d8d83',
    'outcomes.parquet': 'd4b4707f79fb2f3d7a7572acf8f3b8da0c28352259e1544ab4a2ad23454983b3',
    'plans.json': '53681c2074852be15bc34867fa71c7d128bb802557e9f47a0e11d0fc3e26fd27',
    'points.json': 'e4b978cf80357c58b4b80bed1f2ed8ed9a47b3d4c6ca353b7664954375d5ef91',
    'profile-uncurl-16.safetensors': '95566ac55ffea3b807d94369b08b25ba65d66ad4ebf806483bf824450b573584',
    'profile-uncurl-32.safetensors': 'ec7a7df1fe83aed7eb3ace614db66d21b88b4c8e44c267362d5c24b3927c1167',
    'profile-uncurl-64.safetensors': '6721ccac4b5ea6399bb1ce59a03ea17ab0d5f941e31212a5db9ec5fd7d2039f8',
    'profile-uncurl-8.safetensors': 'e36981e954be4441ed458738a3046cf0dce287fd07cf33ebf9212069bad94394',
    'results.json': '5faee9ce35664b164becb12c7fc21aee372a628d54a2f5a2b27ada918757e92f',
  },
};
