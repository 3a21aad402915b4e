using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Mica.RegistryServer;

namespace Mica.BackendTests.Lab;

/// <summary>The tests of this program take turns: they share one PostgreSQL and one S3 server.</summary>
[CollectionDefinition(Name)]
public sealed class BackendCollection : ICollectionFixture<Backends>
{
    public const string Name = "backends";
}

/// <summary>PostgreSQL and radosgw, each started when the first test asks for it; both end with this process.</summary>
public sealed class Backends : IAsyncDisposable
{
    public const string Bucket = "mica";

    private readonly string _directory = Directory.CreateTempSubdirectory("mica-backends-").FullName;
    private readonly Lazy<Task<Server>> _postgres;
    private readonly Lazy<Task<Server>> _s3;
    private int _databases;

    public Backends()
    {
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(_directory, (UnixFileMode)0b111_101_101);
        }

        File.WriteAllText(Path.Combine(_directory, "secret"), "SECRETTEST\n");
        _postgres = new(() => Server.StartAsync("postgresql.sh", Path.Combine(_directory, "postgresql"), 1));
        _s3 = new(StartS3Async);
    }

    public int PostgresPort { get; private set; }

    /// <summary>A new database; the connection string goes to PostgreSQL itself, or to another port in front of it.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        Server server = await RequireAsync(_postgres.Value);
        PostgresPort = server.Ports[0];
        string name = $"t{Interlocked.Increment(ref _databases)}";
        await using var source = new Npgsql.NpgsqlSlimDataSourceBuilder(ConnectionString("postgres") + ";Pooling=false").Build();
        await using Npgsql.NpgsqlCommand command = source.CreateCommand($"CREATE DATABASE {name}");
        await command.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    /// <summary>Tells PostgreSQL to "crash", "stop" or "start".</summary>
    public async Task TellPostgresAsync(string command) => await (await _postgres.Value).TellAsync(command);

    /// <summary>The S3 store, or another address in front of it.</summary>
    public async Task<S3Options> S3Async(string prefix, Uri? endpoint = null)
    {
        Server server = await RequireAsync(_s3.Value);
        return new S3Options
        {
            Bucket = Bucket,
            Endpoint = endpoint ?? new Uri($"http://127.0.0.1:{server.Ports[0]}"),
            Prefix = prefix,
            AccessKey = "AKIDTEST",
            SecretKeyFile = Path.Combine(_directory, "secret"),
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Lazy<Task<Server>> server in (Lazy<Task<Server>>[])[_postgres, _s3])
        {
            if (server.IsValueCreated)
            {
                await (await server.Value).DisposeAsync();
            }
        }

        Directory.Delete(_directory, recursive: true);
    }

    private string ConnectionString(string database) =>
        $"Host=127.0.0.1;Port={PostgresPort};Username=postgres;Password=pear-tree;Database={database}";

    private static async Task<Server> RequireAsync(Task<Server> starting)
    {
        Server server = await starting;
        Assert.SkipWhen(server.WhyNot is not null, server.WhyNot ?? "");
        return server;
    }

    private async Task<Server> StartS3Async()
    {
        Server server = await Server.StartAsync("radosgw.sh", Path.Combine(_directory, "radosgw"), 2);
        if (server.WhyNot is null)
        {
            using var client = new Amazon.S3.AmazonS3Client(
                new Amazon.Runtime.BasicAWSCredentials("AKIDTEST", "SECRETTEST"),
                new Amazon.S3.AmazonS3Config { ServiceURL = $"http://127.0.0.1:{server.Ports[0]}", ForcePathStyle = true, AuthenticationRegion = "us-east-1" });
            await client.PutBucketAsync(Bucket);
        }

        return server;
    }

    /// <summary>A server that a script of test/fixtures runs until its standard input ends.</summary>
    private sealed class Server(Process? process, int[] ports, string? whyNot) : IAsyncDisposable
    {
        public int[] Ports => ports;

        /// <summary>Why there is none: a package is missing.</summary>
        public string? WhyNot => whyNot;

        public static async Task<Server> StartAsync(string script, string directory, int portCount)
        {
            string repository = typeof(Backends).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(entry => entry.Key == "Repository").Value!;
            int[] ports = FreePorts(portCount);
            var start = new ProcessStartInfo(Path.Combine(repository, "test/fixtures", script), [directory, .. ports.Select(port => $"{port}")])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            };
            Process process = Process.Start(start)!;
            string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(3));
            if (line == "ready")
            {
                return new Server(process, ports, null);
            }

            await process.WaitForExitAsync();
            return process.ExitCode == 3
                ? new Server(null, ports, line)
                : throw new InvalidOperationException($"{script}: {line}");
        }

        public async Task TellAsync(string command)
        {
            await process!.StandardInput.WriteLineAsync(command);
            await process.StandardInput.FlushAsync();
            Assert.Equal("done", await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1)));
        }

        public async ValueTask DisposeAsync()
        {
            if (process is not null)
            {
                process.StandardInput.Close();
                await process.WaitForExitAsync();
                process.Dispose();
            }
        }

        private static int[] FreePorts(int count)
        {
            TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
            foreach (TcpListener listener in listeners)
            {
                listener.Start();
            }

            int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
            foreach (TcpListener listener in listeners)
            {
                listener.Stop();
            }

            return ports;
        }
    }
}
