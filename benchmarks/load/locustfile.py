"""A peer: users of locust's FastHttpUser, without a pause between requests."""

from locust import FastHttpUser, constant, task

BODY = b"x" * 1024


class User(FastHttpUser):  # type: ignore[misc, unused-ignore]  # locust is not installed where types are checked
    """Posts, again and again."""

    wait_time = constant(0)

    @task  # type: ignore[untyped-decorator, unused-ignore]
    def post(self) -> None:
        """Send one request."""
        self.client.post("/", data=BODY, headers={"Content-Type": "application/json"})
