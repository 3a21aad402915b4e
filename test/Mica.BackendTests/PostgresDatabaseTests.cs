using System.Diagnostics;
using Mica.BackendTests.Lab;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Mica.Tests.RegistryServer.Storage;

namespace Mica.BackendTests;

[Collection(BackendCollection.Name)]
public sealed class PostgresDatabaseTests(Backends backends) : MetadataContract
{
    private string _connection = "";

    private protected override async Task<MetadataDatabase> OpenAsync() => await PostgresDatabase.OpenAsync(_connection, Token);

    public override async ValueTask InitializeAsync()
    {
        _connection = await backends.CreateDatabaseAsync();
        await base.InitializeAsync();
    }

    [Fact]
    public async Task Open_ManyReplicasAtOnce_MakeTheTablesOnce()
    {
        string connection = await backends.CreateDatabaseAsync();

        PostgresDatabase[] replicas = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => PostgresDatabase.OpenAsync(connection, Token))));

        foreach (PostgresDatabase replica in replicas)
        {
            await replica.WriteAsync(session => RepositoryRows.EnsureAsync(session, "r", 1), Token);
            await replica.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(CommitFate.NeverArrives)]
    [InlineData(CommitFate.NeverAnswered)]
    [InlineData(CommitFate.ArrivesLate)]
    public async Task Write_ConnectionBreaksDuringCommit_IsDoneExactlyOnce(CommitFate fate)
    {
        await using var proxy = new PostgresProxy(backends.PostgresPort);
        await using PostgresDatabase database = await PostgresDatabase.OpenAsync(_connection.Replace(
            $"Port={backends.PostgresPort}", $"Port={proxy.Port}", StringComparison.Ordinal), Token);
        const int Rounds = 4;
        for (int round = 0; round < Rounds; round++)
        {
            proxy.Set(fate);
            await database.WriteAsync(
                async session => { await session.RunAsync("UPDATE settings SET number = number + 1 WHERE name = 'freed'"); }, Token);
        }

        if (fate == CommitFate.ArrivesLate)
        {
            await Task.Delay(2000, Token);
        }

        Assert.Equal(Rounds, proxy.Broken);
        Assert.Equal(Rounds, await Database.ReadAsync(session => session.NumberAsync("SELECT number FROM settings WHERE name = 'freed'"), Token));
    }

    [Theory]
    [InlineData("stop")]
    [InlineData("crash")]
    public async Task Work_ServerStartedAnew_GoesOnAndLosesNothing(string how)
    {
        int done = 0, unknown = 0;
        using var end = new CancellationTokenSource();
        Task[] writers = [.. Enumerable.Range(0, 6).Select(writer => Task.Run(async () =>
        {
            MetadataDatabase database = writer % 2 == 0 ? Database : Other;
            for (int round = 0; !end.IsCancellationRequested; round++)
            {
                string name = $"w{writer}/{round}";
                try
                {
                    await database.WriteAsync(session => RepositoryRows.EnsureAsync(session, name, 1), Token);
                    Interlocked.Increment(ref done);
                    Assert.NotNull(await database.ReadAsync(session => RepositoryRows.FindAsync(session, name), Token));
                }
                catch (MicaException error) when (error.Kind == ErrorKind.Unavailable)
                {
                    // On a slow machine the start takes longer than the patience: then it is not said to be done.
                    Interlocked.Increment(ref unknown);
                }
            }
        }))];
        await Task.Delay(500, Token);
        await backends.TellPostgresAsync(how);
        int before = done;
        await Task.Delay(700, Token);
        await backends.TellPostgresAsync("start");
        await Task.Delay(1500, Token);
        await end.CancelAsync();
        await Task.WhenAll(writers);

        Assert.True(done > before);
        Assert.InRange(
            await Database.ReadAsync(session => session.NumberAsync("SELECT COUNT(*) FROM repositories"), Token), done, done + unknown);
    }

    [Fact]
    public async Task Work_ServerIsGone_IsUnavailableInTimeAndTellsNoPassword()
    {
        await backends.TellPostgresAsync("stop");
        try
        {
            long started = Stopwatch.GetTimestamp();
            MicaException[] errors = await Task.WhenAll(
                Assert.ThrowsAsync<MicaException>(() => Database.ReadAsync(session => RepositoryRows.FindAsync(session, "r"), Token)),
                Assert.ThrowsAsync<MicaException>(() => Other.WriteAsync(session => RepositoryRows.EnsureAsync(session, "r", 1), Token)),
                Assert.ThrowsAsync<MicaException>(() => PostgresDatabase.OpenAsync(_connection, Token)));

            Assert.All(errors, error => Assert.Equal(ErrorKind.Unavailable, error.Kind));
            Assert.All(errors, error => Assert.DoesNotContain("pear-tree", error.ToString(), StringComparison.Ordinal));
            Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(2));
        }
        finally
        {
            await backends.TellPostgresAsync("start");
        }
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Password=pear;tree")]
    [InlineData("Host=127.0.0.1;Password='pear-tree")]
    [InlineData("Host=127.0.0.1;Port=pear-tree")]
    [InlineData("Password=pear-tree")]
    public async Task Open_MalformedConnectionString_TellsNothingOfIt(string connection)
    {
        MicaException error = await Assert.ThrowsAsync<MicaException>(() => PostgresDatabase.OpenAsync(connection, Token));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.DoesNotContain("pear", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("tree", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Database=nowhere")]
    [InlineData("Username=nobody-here")]
    public async Task Open_Refused_SaysWhat(string wrong)
    {
        MicaException error = await Assert.ThrowsAsync<MicaException>(() => PostgresDatabase.OpenAsync($"{_connection};{wrong}", Token));

        Assert.Equal(ErrorKind.PermissionDenied, error.Kind);
        Assert.Contains(wrong.Split('=')[1], error.Message, StringComparison.Ordinal);
    }
}
