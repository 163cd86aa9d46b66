import { describe, expect, test } from 'vitest';

import type { DashboardData } from '../../src/dashboard/data.ts';
import { createDashboardHandler } from '../../src/dashboard/handler.ts';
import { tokenizeSql } from '../../src/dashboard/ui/sql-tokens.ts';
import { createHostileData } from './support/hostile-data.ts';
import { CANARY_HOST, HOSTILE_TEXTS } from './support/hostile-texts.ts';
import { createSource, toStatsJson } from './support/sample-data.ts';

const PATH = '/debug/performance';

async function request(path: string, data: DashboardData, headers: Record<string, string> = {}) {
  const warnings: string[] = [];
  const handler = createDashboardHandler({
    path: PATH,
    source: createSource(data),
    isDevelopment: true,
    warn: (message) => warnings.push(message),
  });
  const response = await handler.handle(new Request(`http://localhost${path}`, { headers }), {
    remoteAddress: '127.0.0.1',
  });
  if (response === undefined) throw new Error(`${path} is not the dashboard's`);
  return { response, text: await response.text(), warnings };
}

describe('hostile texts', () => {
  const data = createHostileData();

  test('none of them is in the page, which is the same for all data', async () => {
    const { text } = await request(PATH, data);
    expect(text).not.toContain(CANARY_HOST);
    expect(text).not.toContain('alert(');
  });

  test.each([`${PATH}/json`, `${PATH}/data`])('%s is JSON and nothing else', async (path) => {
    const { response, text } = await request(path, data);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const expected = path.endsWith('/json') ? toStatsJson(data) : data;
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  test('the path of a request comes back in no answer', async () => {
    for (const hostile of HOSTILE_TEXTS) {
      const path = `${PATH}/${encodeURIComponent(Buffer.from(hostile).toString())}?q=<script>alert(1)</script>`;
      const { response, text } = await request(path, data);
      expect([200, 404]).toContain(response.status);
      expect(text).not.toContain('alert(');
    }
  });

  test('a hostile header comes into no line of the log', async () => {
    const { response, warnings } = await request(`${PATH}/json`, data, {
      host: `localhost"><script>alert(1)</script>`,
      origin: `http://${CANARY_HOST}`,
    });
    expect(response.status).toBe(404);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toMatch(/alert|canary/);
  });

  test('the pieces of a coloured statement are the statement', () => {
    for (const hostile of HOSTILE_TEXTS) {
      expect(
        tokenizeSql(hostile)
          .map(({ text }) => text)
          .join(''),
      ).toBe(hostile);
    }
  });
});
