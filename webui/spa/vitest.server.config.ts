/** Tests against a running server, which pytest starts (`tests/webui/test_data_of_the_app.py`). */
import { mergeConfig } from 'vite';
import { defineConfig } from 'vitest/config';
import app from './vite.config.ts';

export default mergeConfig(
  app,
  defineConfig({
    resolve: { conditions: ['browser'] },
    test: {
      environment: 'node',
      include: ['tests/server/**/*.server.ts'],
      testTimeout: 60_000,
      hookTimeout: 60_000,
      fileParallelism: false,
      bail: 1,
    },
  }),
);
