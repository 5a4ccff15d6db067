# One image for every command: soundgraph api, worker, migrate, … It runs as an ordinary user.
FROM python:3.12-slim

RUN pip install --no-cache-dir uv \
 && useradd --create-home soundgraph \
 && install -d -m 0700 -o soundgraph /data
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 PATH=/app/.venv/bin:$PATH SOUNDGRAPH_HOME=/data
WORKDIR /app

# Dependencies first: they change less often than the code.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --all-extras --no-dev --no-install-project
COPY src ./src
RUN uv sync --frozen --all-extras --no-dev --no-editable

USER soundgraph
VOLUME /data
EXPOSE 8000
CMD ["soundgraph", "serve"]
