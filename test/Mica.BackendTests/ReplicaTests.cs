using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Mica.BackendTests.Lab;
using Mica.Oci;
using Mica.RegistryServer;

namespace Mica.BackendTests;

/// <summary>Whole registries on one store and one database: what one has begun any other goes on with, and nothing gets lost.</summary>
[Collection(BackendCollection.Name)]
public sealed class ReplicaTests(Backends backends)
{
    private const int Mebibyte = 1 << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(3 * Mebibyte)]
    [InlineData(9 * Mebibyte)]
    public async Task Upload_BegunAtOneContinuedAtTheOther_IsCompletedAtTheFirst(int chunk)
    {
        await using Replicas replicas = await Replicas.StartAsync(backends);
        byte[] bytes = Bytes(4 * chunk, 1);
        string upload = await replicas.BeginAsync(0, "app");
        for (int index = 0; index < 4; index++)
        {
            using HttpResponseMessage patched = await replicas.PatchAsync(index % 2, upload, bytes[(index * chunk)..((index + 1) * chunk)], index * chunk);
            Assert.Equal(HttpStatusCode.Accepted, patched.StatusCode);
            using HttpResponseMessage status = await replicas.SendAsync(HttpMethod.Get, (index + 1) % 2, upload);
            Assert.Equal($"0-{((index + 1) * chunk) - 1}", status.Headers.GetValues("Range").Single());
        }

        using HttpResponseMessage closed = await replicas.CloseAsync(0, upload, Digest.Of(bytes));

        Assert.Equal(HttpStatusCode.Created, closed.StatusCode);
        Assert.Equal(bytes, await replicas.PullBlobAsync(1, "app", Digest.Of(bytes)));
        using HttpResponseMessage range = await replicas.SendAsync(
            HttpMethod.Get, 1, $"/v2/app/blobs/{Digest.Of(bytes)}", null, request => request.Headers.Range = new RangeHeaderValue(chunk - 5, chunk + 4));
        Assert.Equal(HttpStatusCode.PartialContent, range.StatusCode);
        Assert.Equal(bytes[(chunk - 5)..(chunk + 5)], await range.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal(1, await replicas.CountObjectsAsync(backends));
        Assert.Equal("", string.Join('\n', replicas.Bugs));
    }

    [Theory]
    [InlineData(0, 1000)]
    [InlineData(0, 12 * Mebibyte)]
    [InlineData(9 * Mebibyte, 12 * Mebibyte)]
    public async Task Upload_ContinuedAtBothAtOnce_OneWinsAndNothingIsMixed(int first, int length)
    {
        await using Replicas replicas = await Replicas.StartAsync(backends);
        byte[] start = Bytes(first, 1);
        byte[][] bytes = [Bytes(length, 2), Bytes(length, 3)];
        string upload = await replicas.BeginAsync(0, "app");
        if (first > 0)
        {
            (await replicas.PatchAsync(0, upload, start, 0)).Dispose();
        }

        HttpResponseMessage[] answers = await Task.WhenAll(
            replicas.PatchAsync(0, upload, bytes[0], first), replicas.PatchAsync(1, upload, bytes[1], first));
        int winner = Array.FindIndex(answers, answer => answer.StatusCode == HttpStatusCode.Accepted);
        byte[] whole = [.. start, .. bytes[winner]];
        using HttpResponseMessage closed = await replicas.CloseAsync(1 - winner, upload, Digest.Of(whole));

        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, answers[1 - winner].StatusCode);
        byte[]? pulled = await replicas.PullBlobAsync(0, "app", Digest.Of(whole));
        if (closed.StatusCode == HttpStatusCode.Created)
        {
            Assert.Equal(whole, pulled);
        }
        else
        {
            // The loser has overwritten a part: the upload is of no use any more, and says so.
            Assert.Equal((HttpStatusCode.BadRequest, 9 * Mebibyte), (closed.StatusCode, first));
            Assert.Null(pulled);
        }

        Assert.Equal("", string.Join('\n', replicas.Bugs));
        Array.ForEach(answers, answer => answer.Dispose());
    }

    [Fact]
    public async Task Upload_ClientVanishes_AnotherReplicaGoesOnFromBefore()
    {
        await using Replicas replicas = await Replicas.StartAsync(backends);
        byte[] bytes = Bytes(30 * Mebibyte, 1);
        string upload = await replicas.BeginAsync(0, "app");
        (await replicas.PatchAsync(0, upload, bytes[..(9 * Mebibyte)], 0)).Dispose();
        for (int round = 0; round < 3; round++)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, replicas.At(round % 2, upload).Port, Token);
            string head = $"PATCH {upload} HTTP/1.1\r\nHost: x\r\nContent-Length: {21 * Mebibyte}\r\nContent-Range: {9 * Mebibyte}-{(30 * Mebibyte) - 1}\r\n\r\n";
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), Token);
            await socket.GetStream().WriteAsync(bytes.AsMemory(9 * Mebibyte, (5 + (5 * round)) * Mebibyte), Token);
            socket.Client.LingerState = new LingerOption(true, 0);
        }

        await Task.Delay(500, Token);
        using HttpResponseMessage status = await replicas.SendAsync(HttpMethod.Get, 1, upload);
        using HttpResponseMessage patched = await replicas.PatchAsync(1, upload, bytes[(9 * Mebibyte)..], 9 * Mebibyte);
        using HttpResponseMessage closed = await replicas.CloseAsync(0, upload, Digest.Of(bytes));

        Assert.Equal($"0-{(9 * Mebibyte) - 1}", status.Headers.GetValues("Range").Single());
        Assert.Equal(HttpStatusCode.Accepted, patched.StatusCode);
        Assert.Equal(HttpStatusCode.Created, closed.StatusCode);
        Assert.Equal(bytes, await replicas.PullBlobAsync(0, "app", Digest.Of(bytes)));
        Assert.Equal(1, await replicas.CountObjectsAsync(backends));
        Assert.Equal("", string.Join('\n', replicas.Bugs));
    }

    [Fact]
    public async Task Upload_CancelledOrWrong_LeavesNothingInTheStore()
    {
        await using Replicas replicas = await Replicas.StartAsync(backends);
        byte[] bytes = Bytes(9 * Mebibyte, 1);
        string cancelled = await replicas.BeginAsync(0, "app");
        (await replicas.PatchAsync(0, cancelled, bytes, 0)).Dispose();
        string wrong = await replicas.BeginAsync(0, "app");
        (await replicas.PatchAsync(1, wrong, bytes, 0)).Dispose();

        using HttpResponseMessage deleted = await replicas.SendAsync(HttpMethod.Delete, 1, cancelled);
        using HttpResponseMessage closed = await replicas.CloseAsync(0, wrong, Digest.Of([1]));
        using HttpResponseMessage pushed = await replicas.SendAsync(
            HttpMethod.Post, 0, $"/v2/app/blobs/uploads/?digest={Digest.Of([2])}", new ByteArrayContent([3]));

        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, closed.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, pushed.StatusCode);
        Assert.Equal(0, await replicas.CountObjectsAsync(backends));
    }

    [Fact]
    public async Task Blob_RedirectFrom_GetIsRedirectedAndHeadIsNot()
    {
        await using Replicas replicas = await Replicas.StartAsync(
            backends, count: 1, change: options => options with { S3 = options.S3! with { RedirectFrom = 1000 } });
        byte[] large = Bytes(1000, 1);
        byte[] small = Bytes(999, 2);
        await replicas.PushBlobAsync(0, "app", large);
        await replicas.PushBlobAsync(0, "app", small);

        using HttpResponseMessage get = await replicas.SendAsync(HttpMethod.Get, 0, $"/v2/app/blobs/{Digest.Of(large)}");
        using HttpResponseMessage head = await replicas.SendAsync(HttpMethod.Head, 0, $"/v2/app/blobs/{Digest.Of(large)}");
        using var client = new HttpClient();

        Assert.Equal(HttpStatusCode.TemporaryRedirect, get.StatusCode);
        Assert.Equal(large, await client.GetByteArrayAsync(get.Headers.Location, Token));
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(1000, head.Content.Headers.ContentLength);
        Assert.Equal(small, await replicas.PullBlobAsync(0, "app", Digest.Of(small)));
    }

    [Fact]
    public async Task Collect_TwoCollectorsWhilePushing_LoseNothingThatIsTagged()
    {
        var limits = new RegistryLimits { Lease = TimeSpan.FromSeconds(2), Grace = TimeSpan.Zero };
        await using Replicas replicas = await Replicas.StartAsync(backends, limits: limits);
        using var end = new CancellationTokenSource();
        long freed = 0;
        Task[] collectors = [.. replicas.Servers.Select(server => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                Interlocked.Add(ref freed, (await server.CollectAsync(Token)).Bytes);
            }
        }))];
        byte[] shared = Bytes(3000, 77);
        var tags = new ConcurrentDictionary<string, (Digest Manifest, byte[] Blob)>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(pusher => Task.Run(async () =>
        {
            for (int round = 0; round < 25; round++)
            {
                // The same tag moves on and on, so that what it stood for is collected under the others' hands.
                string repository = $"app{round % 3}";
                string tag = $"t{pusher}-{round % 2}";
                byte[] blob = Bytes(1000 + round, (pusher * 1000) + round);
                int replica = (pusher + round) % 2;
                long started = Stopwatch.GetTimestamp();
                Assert.Equal(HttpStatusCode.Created, await replicas.PushBlobAsync(replica, repository, shared));
                Assert.Equal(HttpStatusCode.Created, await replicas.PushBlobAsync(1 - replica, repository, blob));
                (HttpStatusCode status, Digest digest) = await replicas.PushImageAsync(replica, repository, tag, shared, blob);
                if (status == HttpStatusCode.NotFound)
                {
                    // On a busy machine a lease may end before the manifest comes; sooner it must not.
                    Assert.True(Stopwatch.GetElapsedTime(started) > limits.Lease);
                    round--;
                    continue;
                }

                Assert.Equal(HttpStatusCode.Created, status);
                tags[$"{repository}:{tag}"] = (digest, blob);
            }
        })));
        await end.CancelAsync();
        await Task.WhenAll(collectors);
        await Task.Delay(2200, Token);
        foreach (RegistryServer.RegistryServer server in replicas.Servers)
        {
            freed += (await server.CollectAsync(Token)).Bytes;
        }

        foreach ((string name, (Digest manifest, byte[] blob)) in tags)
        {
            string[] parts = name.Split(':');
            using HttpResponseMessage answer = await replicas.SendAsync(HttpMethod.Get, 0, $"/v2/{parts[0]}/manifests/{parts[1]}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(manifest.ToString(), answer.Headers.GetValues("Docker-Content-Digest").Single());
            Assert.Equal(blob, await replicas.PullBlobAsync(1, parts[0], Digest.Of(blob)));
            Assert.Equal(shared, await replicas.PullBlobAsync(1, parts[0], Digest.Of(shared)));
        }

        Assert.True(freed > 0);
        Assert.Equal(tags.Count + 1, await replicas.CountObjectsAsync(backends));
        Assert.Equal("", string.Join('\n', replicas.Bugs));
    }

    [Theory]
    [InlineData("stop")]
    [InlineData("crash")]
    public async Task Push_PostgresStartedAnewUnderLoad_WhatWasAnsweredIsThere(string how)
    {
        await using Replicas replicas = await Replicas.StartAsync(backends);
        using var end = new CancellationTokenSource();
        var done = new ConcurrentDictionary<(string Tag, Digest Manifest), byte[]>();
        var answers = new ConcurrentDictionary<HttpStatusCode, int>();
        Task[] pushers = [.. Enumerable.Range(0, 4).Select(pusher => Task.Run(async () =>
        {
            for (int round = 0; !end.IsCancellationRequested; round++)
            {
                byte[] blob = Bytes(1000, (pusher * 10000) + round);
                HttpStatusCode status = await replicas.PushBlobAsync((pusher + round) % 2, "app", blob);
                answers.AddOrUpdate(status, 1, (_, count) => count + 1);
                if (status == HttpStatusCode.Created)
                {
                    string tag = $"t{pusher}-{round}";
                    (HttpStatusCode pushed, Digest digest) = await replicas.PushImageAsync(round % 2, "app", tag, blob);
                    answers.AddOrUpdate(pushed, 1, (_, count) => count + 1);
                    if (pushed == HttpStatusCode.Created)
                    {
                        done[(tag, digest)] = blob;
                    }
                }
            }
        }))];
        await Task.Delay(700, Token);
        await backends.TellPostgresAsync(how);
        int before = done.Count;
        await Task.Delay(700, Token);
        await backends.TellPostgresAsync("start");
        await Task.Delay(2000, Token);
        await end.CancelAsync();
        await Task.WhenAll(pushers);

        Assert.True(done.Count > before);
        Assert.Equal("", string.Join('\n', replicas.Bugs));
        Assert.Empty(answers.Keys.Except([HttpStatusCode.Created, HttpStatusCode.ServiceUnavailable]));
        foreach (((string tag, Digest digest), byte[] blob) in done)
        {
            using HttpResponseMessage answer = await replicas.SendAsync(HttpMethod.Head, 0, $"/v2/app/manifests/{tag}");
            Assert.Equal(digest.ToString(), answer.Headers.GetValues("Docker-Content-Digest").Single());
            Assert.Equal(blob, await replicas.PullBlobAsync(1, "app", Digest.Of(blob)));
        }

        TestContext.Current.SendDiagnosticMessage("{0} images, {1}", done.Count, string.Join(", ", answers));
    }

    [Fact]
    public async Task Push_StoreFailsNowAndThen_WhatWasAnsweredIsThere()
    {
        S3Options store = await backends.S3Async("");
        await using S3Proxy proxy = await S3Proxy.StartAsync(store.Endpoint!);
        await using Replicas replicas = await Replicas.StartAsync(backends, s3: proxy.Address);
        S3Fate[] fates = [S3Fate.InternalError, S3Fate.SlowDown, S3Fate.Breaks, S3Fate.AnswerLost, S3Fate.AnswerCut];
        proxy.Decide = (_, _, number) => number % 3 == 0 ? fates[number / 3 % fates.Length] : S3Fate.Passes;
        var done = new ConcurrentBag<byte[]>();
        var answers = new ConcurrentDictionary<HttpStatusCode, int>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(pusher => Task.Run(async () =>
        {
            for (int round = 0; round < 6; round++)
            {
                byte[] blob = Bytes(round % 3 == 0 ? 18 * Mebibyte : 5000, (pusher * 100) + round);
                HttpStatusCode status = await replicas.PushBlobAsync((pusher + round) % 2, "app", blob);
                answers.AddOrUpdate(status, 1, (_, count) => count + 1);
                if (status == HttpStatusCode.Created)
                {
                    done.Add(blob);
                    byte[]? pulled = await replicas.PullBlobAsync(round % 2, "app", Digest.Of(blob));
                    Assert.True(pulled is not null && blob.AsSpan().SequenceEqual(pulled));
                }
            }
        })));

        Assert.True(done.Count > 12);
        Assert.Equal("", string.Join('\n', replicas.Bugs));
        Assert.Empty(answers.Keys.Except([HttpStatusCode.Created, HttpStatusCode.ServiceUnavailable]));
    }

    [Fact]
    public async Task Push_StoreIsDown_IsAnsweredUnavailableAndWorksAgainAfter()
    {
        S3Options store = await backends.S3Async("");
        await using S3Proxy proxy = await S3Proxy.StartAsync(store.Endpoint!);
        await using Replicas replicas = await Replicas.StartAsync(backends, count: 1, s3: proxy.Address);
        byte[] blob = Bytes(1000, 1);
        await replicas.PushBlobAsync(0, "app", blob);
        proxy.Decide = static (_, _, _) => S3Fate.SlowDown;

        string upload = await replicas.BeginAsync(0, "app");
        HttpResponseMessage[] answers = await Task.WhenAll(
            replicas.PatchAsync(0, upload, blob, 0), replicas.SendAsync(HttpMethod.Get, 0, $"/v2/app/blobs/{Digest.Of(blob)}"));
        proxy.Decide = static (_, _, _) => S3Fate.Passes;
        using HttpResponseMessage again = await replicas.PatchAsync(0, upload, blob, 0);

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode));
        Assert.All(answers, answer => Assert.NotNull(answer.Headers.RetryAfter));
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.Equal(blob, await replicas.PullBlobAsync(0, "app", Digest.Of(blob)));
        Assert.Equal("", string.Join('\n', replicas.Bugs));
    }
}
