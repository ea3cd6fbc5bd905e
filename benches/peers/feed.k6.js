// scenarios/feed.yaml for k6: the same steps, pauses, captures and checks.
import http from 'k6/http';
import { check, sleep } from 'k6';

const target = __ENV.TARGET;
const pauses = __ENV.PAUSES === 'yes';
const thoughts = ['Castled too late again.', 'The feed is fast today.', 'Does anybody still read to the end?'];
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

export const options = {
  scenarios: {
    feed: { executor: 'constant-vus', vus: Number(__ENV.USERS), duration: `${__ENV.DURATION}s`, gracefulStop: '0s' },
  },
  thresholds: { checks: ['rate==1'] },
};

function pause(from, to) {
  if (pauses) sleep(from + Math.random() * (to - from));
}

function name() {
  let text = 'u';
  for (let i = 0; i < 12; i++) text += letters[Math.floor(Math.random() * letters.length)];
  return text;
}

function post(path, body, token, row) {
  const headers = {};
  if (body) headers['content-type'] = 'application/json';
  if (token) headers.authorization = `Bearer ${token}`;
  const params = row ? { headers, tags: { name: row } } : { headers };
  return http.post(target + path, body ? JSON.stringify(body) : null, params);
}

function get(path, token) {
  return http.get(target + path, { headers: { authorization: `Bearer ${token}` } });
}

export default function () {
  const username = name();
  const password = 'correct-horse-battery';
  const registered = post('/api/auth/register', { username, email: `${username}@example.org`, password });
  check(registered, { registered: (r) => r.status === 201 && r.json('user.id') !== undefined });
  pause(1, 2);
  const login = post('/api/auth/login', { username, password });
  const token = login.json('token');
  check(login, { 'logged in': (r) => r.status < 400 && token !== undefined });
  const guest = post('/api/auth/guest', { name: 'friend' });
  const friend = guest.json('user.id');
  const friendToken = guest.json('token');
  check(guest, { guest: (r) => r.status < 400 && friend !== undefined && friendToken !== undefined });
  const follow = post(`/api/users/${friend}/follow`, null, token, 'POST /api/users/:id/follow');
  check(follow, { follows: (r) => r.status < 400 && r.json('following') === true });
  for (let i = 0; i < 3; i++) {
    const text = thoughts[Math.floor(Math.random() * thoughts.length)];
    const posted = post('/api/posts', { text }, friendToken);
    const latest = posted.json('id');
    check(posted, { posted: (r) => r.status === 201 && latest !== undefined });
    pause(0.5, 1);
    const feed = get('/api/feed?limit=20', token);
    check(feed, { 'reads what was posted': (r) => r.status < 400 && r.json('items.0.id') === latest });
    pause(1, 2);
  }
  const notifications = get('/api/notifications', friendToken);
  check(notifications, { unread: (r) => r.status < 400 && r.json('unread') === 1 });
  check(post('/api/notifications/read', null, friendToken), { read: (r) => r.status < 400 });
}
