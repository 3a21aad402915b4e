using System.Collections.Concurrent;
using System.Globalization;
using Mica.Oci;
using Microsoft.AspNetCore.Http;

namespace Mica.Tests.Registry;

/// <summary>The upload part of the protocol: POST, PATCH, PUT, GET and DELETE under <c>/blobs/uploads/</c>.</summary>
internal sealed class TestRegistryUploads(TestRegistry registry)
{
    private readonly ConcurrentDictionary<string, MemoryStream> _sessions = new();
    private readonly ConcurrentDictionary<string, bool> _short = new();
    private int _count;

    private TestRegistryBehaviour Behaviour => registry.Behaviour;

    public async Task HandleAsync(HttpContext context, string name, string id)
    {
        if (id.Length == 0)
        {
            await StartAsync(context, name);
            return;
        }

        if (!_sessions.TryGetValue(id, out MemoryStream? session))
        {
            await TestRegistryProtocol.ErrorAsync(context, 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
            return;
        }

        switch (context.Request.Method)
        {
            case "PATCH":
                await PatchAsync(context, name, id, session);
                break;
            case "PUT":
                await PutAsync(context, name, id, session);
                break;
            case "GET":
                Describe(context, name, id, session, 204);
                break;
            default:
                _sessions.TryRemove(id, out _);
                context.Response.StatusCode = 204;
                break;
        }
    }

    private async Task StartAsync(HttpContext context, string name)
    {
        IQueryCollection query = context.Request.Query;
        if (Behaviour.Mounts && Digest.TryParse(query["mount"], out Digest mount)
            && registry.Repository(query["from"].ToString()).Blobs.TryGetValue(mount, out byte[]? content))
        {
            registry.Repository(name).Blobs[mount] = content;
            Created(context, name, mount);
            return;
        }

        if (Behaviour.SinglePost && Digest.TryParse(query["digest"], out Digest digest))
        {
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await CommitAsync(context, name, body, digest);
            return;
        }

        string id = $"upload{Interlocked.Increment(ref _count)}";
        _sessions[id] = new MemoryStream();
        if (Behaviour.ChunkMinLength is { } min)
        {
            context.Response.Headers["OCI-Chunk-Min-Length"] = min.ToString(CultureInfo.InvariantCulture);
        }

        Describe(context, name, id, _sessions[id], 202);
    }

    private async Task PatchAsync(HttpContext context, string name, string id, MemoryStream session)
    {
        if (!Behaviour.Chunks)
        {
            await TestRegistryProtocol.ErrorAsync(context, 405, "UNSUPPORTED", "no chunks here");
            return;
        }

        string range = context.Request.Headers.ContentRange.ToString();
        if (range.Length > 0 && long.Parse(range.Split('-')[0], CultureInfo.InvariantCulture) != session.Length)
        {
            Describe(context, name, id, session, 416);
            return;
        }

        if (Behaviour.ChunkMinLength is { } min)
        {
            // A short chunk can only be the last one, so nothing may follow it.
            if (_short.ContainsKey(id))
            {
                await TestRegistryProtocol.ErrorAsync(context, 416, "SIZE_INVALID", "a chunk was too short");
                return;
            }

            if (context.Request.ContentLength < min)
            {
                _short[id] = true;
            }
        }

        if (await ReceiveAsync(context, session))
        {
            Describe(context, name, id, session, 202);
        }
    }

    private async Task PutAsync(HttpContext context, string name, string id, MemoryStream session)
    {
        if (!Digest.TryParse(context.Request.Query["digest"], out Digest digest))
        {
            await TestRegistryProtocol.ErrorAsync(context, 400, "DIGEST_INVALID", "no digest");
        }
        else if (await ReceiveAsync(context, session))
        {
            _sessions.TryRemove(id, out _);
            await CommitAsync(context, name, session, digest);
        }
    }

    private async Task<bool> ReceiveAsync(HttpContext context, MemoryStream session)
    {
        byte[] buffer = new byte[16384];
        long start = session.Length;
        session.Position = start;
        bool cut = context.Request.ContentLength > Behaviour.CutUploadsAfter && Behaviour.TakeCut();
        while (true)
        {
            int asked = cut ? (int)Math.Min(buffer.Length, start + Behaviour.CutUploadsAfter - session.Length) : buffer.Length;
            int count;
            try
            {
                count = asked == 0 ? 0 : await context.Request.Body.ReadAsync(buffer.AsMemory(0, asked));
            }
            catch (Exception error) when (error is IOException or OperationCanceledException)
            {
                return false;
            }

            if (count == 0)
            {
                break;
            }

            await session.WriteAsync(buffer.AsMemory(0, count));
        }

        if (cut)
        {
            context.Abort();
        }

        return !cut;
    }

    private async Task CommitAsync(HttpContext context, string name, MemoryStream session, Digest digest)
    {
        byte[] content = session.ToArray();
        if (TestRegistryProtocol.DigestOf(digest.Algorithm, content) != digest)
        {
            await TestRegistryProtocol.ErrorAsync(context, 400, "DIGEST_INVALID", "provided digest did not match uploaded content");
            return;
        }

        registry.Repository(name).Blobs[digest] = content;
        Created(context, name, digest);
    }

    private static void Created(HttpContext context, string name, Digest digest)
    {
        context.Response.Headers.Location = $"/v2/{name}/blobs/{digest}";
        context.Response.Headers["Docker-Content-Digest"] = digest.ToString();
        context.Response.StatusCode = 201;
    }

    private void Describe(HttpContext context, string name, string id, MemoryStream session, int status)
    {
        string prefix = Behaviour.LocationPrefix ?? (Behaviour.AbsoluteLocations ? registry.Address.ToString().TrimEnd('/') : "");
        context.Response.Headers.Location = $"{prefix}/v2/{name}/blobs/uploads/{id}?_state=s{session.Length}";
        context.Response.Headers.Range = $"0-{Math.Max(0, session.Length - 1)}";
        context.Response.StatusCode = status;
    }
}
