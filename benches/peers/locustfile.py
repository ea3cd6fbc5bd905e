"""scenarios/feed.yaml for Locust: the same steps, pauses, captures and checks, on its fast client."""

import os
import random
import string

from gevent import sleep
from locust import FastHttpUser, task

PAUSES = os.environ["PAUSES"] == "yes"
PASSWORD = "correct-horse-battery"
LETTERS = string.ascii_lowercase + string.digits
THOUGHTS = ["Castled too late again.", "The feed is fast today.", "Does anybody still read to the end?"]


def pause(shortest, longest):
    if PAUSES:
        sleep(random.uniform(shortest, longest))


class Reader(FastHttpUser):
    host = os.environ["TARGET"]

    def exchange(self, method, path, is_good, token=None, **more):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with self.client.request(method, path, headers=headers, catch_response=True, **more) as answer:
            found = answer.json() if answer.status_code < 400 and answer.content else None
            if answer.status_code >= 400 or not is_good(answer, found):
                answer.failure(f"HTTP {answer.status_code}: a check failed")
        return found

    @task
    def feed(self):
        name = "u" + "".join(random.choices(LETTERS, k=12))
        account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        self.exchange("POST", "/api/auth/register", lambda a, j: a.status_code == 201 and j["user"]["id"], json=account)
        pause(1, 2)
        login = {"username": name, "password": PASSWORD}
        token = self.exchange("POST", "/api/auth/login", lambda _, j: j["token"], json=login)["token"]
        guest = self.exchange("POST", "/api/auth/guest", lambda _, j: j["token"], json={"name": "friend"})
        friend, friend_token = guest["user"]["id"], guest["token"]
        self.exchange(
            "POST",
            f"/api/users/{friend}/follow",
            lambda _, j: j["following"] is True,
            token=token,
            name="POST /api/users/:id/follow",
        )
        for _ in range(3):
            thought = {"text": random.choice(THOUGHTS)}
            posted = self.exchange(
                "POST", "/api/posts", lambda a, j: a.status_code == 201 and j["id"], token=friend_token, json=thought
            )
            pause(0.5, 1)
            self.exchange("GET", "/api/feed?limit=20", lambda _, j: j["items"][0]["id"] == posted["id"], token=token)
            pause(1, 2)
        self.exchange("GET", "/api/notifications", lambda _, j: j["unread"] == 1, token=friend_token)
        self.exchange("POST", "/api/notifications/read", lambda *_: True, token=friend_token)
