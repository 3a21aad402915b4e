using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The credentials of docker and of the containers tools, found and kept where those tools find and keep them. In one file,
/// the most specific entry wins (<c>host/namespace/repository</c>, then <c>host/namespace</c>, then <c>host</c>); a helper
/// that is configured for an entry is asked in place of it; the first file that has a credential ends the search. Files are
/// read anew each time, so a login elsewhere is seen. containers-auth.json(5), docker login.
/// </summary>
public sealed class CredentialStore(CredentialLocations locations, TimeProvider time, IProgress<ProgressEvent>? progress) : ICredentialSource
{
    private const string Variable = "DOCKER_AUTH_CONFIG";

    private readonly ConcurrentDictionary<string, bool> _warned = new();

    /// <inheritdoc/>
    public async ValueTask<Credential?> FindAsync(string registryHost, string repositoryPath, CancellationToken cancellationToken) =>
        (await LookUpAsync(registryHost, repositoryPath, cancellationToken)).Credential;

    /// <summary>What <see cref="FindAsync"/> finds, and how it came to it.</summary>
    /// <exception cref="MicaException">A file or a helper is there but does not work; its name is in the message.</exception>
    public async Task<CredentialLookup> LookUpAsync(string registryHost, string repositoryPath, CancellationToken cancellationToken)
    {
        var repository = CredentialKey.Of(registryHost, repositoryPath);
        ImmutableArray<CredentialLookupStep>.Builder steps = ImmutableArray.CreateBuilder<CredentialLookupStep>();
        foreach ((string name, CredentialFile? file) in Open())
        {
            int before = steps.Count;
            if (file is not null && await LookUpAsync(file, repository, steps, cancellationToken) is { } credential)
            {
                return new CredentialLookup(credential, steps.ToImmutable());
            }

            if (steps.Count == before)
            {
                CredentialOutcome outcome = file is null ? CredentialOutcome.NoFile : CredentialOutcome.NoEntry;
                steps.Add(new CredentialLookupStep(new CredentialPlace(name, null), null, outcome));
            }
        }

        return new CredentialLookup(null, steps.ToImmutable());
    }

    /// <summary>
    /// Keeps the credential for <paramref name="registry"/> (<c>host[:port]</c>, with a path for a part of it), in place of the
    /// one that was there: in the file that says something about that registry, else in
    /// <see cref="CredentialLocations.ExplicitFile"/> or docker's <c>config.json</c>; and with the helper that this file names, if
    /// it does. The rest of the file stays as it is.
    /// </summary>
    /// <returns>Where it is now.</returns>
    /// <exception cref="MicaException">The file or the helper does not take it, or there is nowhere to keep it.</exception>
    public async Task<CredentialPlace> StoreAsync(string registry, Credential credential, CancellationToken cancellationToken)
    {
        var key = CredentialKey.ParseRegistry(registry);
        if (credential.Username.Contains(':', StringComparison.Ordinal) || $"{credential.Username}{credential.Password}".Contains('\0', StringComparison.Ordinal))
        {
            throw new MicaException(ErrorKind.InvalidArgument, "a username cannot have a colon, and neither it nor a password a NUL");
        }

        if (credential is { Password: null, IdentityToken: null, RegistryToken: null })
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"nothing to keep for {key}: there is no password and no token");
        }

        (string path, CredentialProgram? program) = ChoosePlace(key);
        if (program is not null)
        {
            await program.StoreAsync(key.ToDockerText(), credential, cancellationToken);
        }

        await ChangeAsync(path, file =>
        {
            if (program is null)
            {
                file.Write(key, credential);
            }
            else
            {
                file.WriteMarker(key);
            }

            return true;
        }, cancellationToken);
        WarnOfVariable(key);
        return new CredentialPlace(path, program?.Name);
    }

    /// <summary>Forgets the credential for exactly <paramref name="registry"/>, in every file and helper that has it.</summary>
    /// <returns>Where it was; empty when there was none.</returns>
    /// <exception cref="MicaException">A file or a helper does not work.</exception>
    public async Task<ImmutableArray<CredentialPlace>> EraseAsync(string registry, CancellationToken cancellationToken)
    {
        var key = CredentialKey.ParseRegistry(registry);
        ImmutableArray<CredentialPlace>.Builder places = ImmutableArray.CreateBuilder<CredentialPlace>();
        foreach (string path in locations.Files)
        {
            if (Open(path) is not { } file)
            {
                continue;
            }

            if (ProgramFor(file, key) is { } program)
            {
                foreach (string server in Servers(file, key))
                {
                    if (await program.GetAsync(server, cancellationToken) is not null)
                    {
                        await program.EraseAsync(server, cancellationToken);
                        places.Add(new CredentialPlace(path, program.Name));
                    }
                }
            }

            if (file.Entries.Any(entry => entry.Key == key))
            {
                bool secret = file.Entries.Any(entry => entry.Key == key && file.Read(entry) is not null);
                await ChangeAsync(path, current => current.Remove(key), cancellationToken);
                if (secret)
                {
                    places.Add(new CredentialPlace(path, null));
                }
            }
        }

        WarnOfVariable(key);
        return places.ToImmutable();
    }

    /// <summary>The accounts in all files and their helpers, in the order in which they would be found.</summary>
    /// <exception cref="MicaException">A file or a helper does not work.</exception>
    public async Task<ImmutableArray<CredentialAccount>> ListAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<CredentialAccount>.Builder accounts = ImmutableArray.CreateBuilder<CredentialAccount>();
        foreach ((string name, CredentialFile? file) in Open())
        {
            if (file is null)
            {
                continue;
            }

            foreach (string program in file.Programs.Select(each => each.Program).Append(file.DefaultProgram).Where(each => each.Length > 0).Distinct())
            {
                var keeper = new CredentialProgram(program, locations, time);
                accounts.AddRange((await keeper.ListAsync(cancellationToken))
                    .Select(each => (Key: CredentialKey.Parse(each.Server), each.Username))
                    .Where(each => ProgramFor(file, each.Key)?.Name == keeper.Name)
                    .Select(each => new CredentialAccount(each.Key.ToString(), each.Username == "<token>" ? "" : each.Username, new CredentialPlace(name, keeper.Name))));
            }

            accounts.AddRange(file.Entries.Select(entry => (entry.Key, Credential: file.Read(entry)))
                .Where(each => each.Credential is not null)
                .Select(each => new CredentialAccount(each.Key.ToString(), each.Credential!.Username, new CredentialPlace(name, null))));
        }

        return accounts.ToImmutable();
    }

    private async Task<Credential?> LookUpAsync(
        CredentialFile file, CredentialKey repository, ImmutableArray<CredentialLookupStep>.Builder steps, CancellationToken cancellationToken)
    {
        IEnumerable<CredentialKey> keys = file.Entries.Concat(file.Programs.Select(each => each.Entry)).Select(entry => entry.Key)
            .Append(repository with { Path = "" })
            .Where(key => key.Covers(repository))
            .Distinct()
            .OrderByDescending(key => key.Path.Length);
        foreach (CredentialKey key in keys)
        {
            CredentialEntry[] entries = [.. file.Entries.Where(entry => entry.Key == key).OrderByDescending(entry => entry.Text == key.ToDockerText())];
            if (ProgramFor(file, key) is { } program)
            {
                foreach (string server in Servers(file, key))
                {
                    Credential? kept = await program.GetAsync(server, cancellationToken);
                    Note(program.Name, server, kept);
                    if (kept is not null)
                    {
                        return kept;
                    }
                }

                if (file.Programs.Any(each => each.Entry.Key == key))
                {
                    // "The base64 encoded authentication will not be used" where a helper is named for the registry itself.
                    continue;
                }
            }

            foreach (CredentialEntry entry in entries)
            {
                Credential? credential = file.Read(entry);
                Note(null, entry.Text, credential);
                if (credential is not null)
                {
                    return credential;
                }
            }
        }

        return null;

        void Note(string? program, string entry, Credential? credential) => steps.Add(new CredentialLookupStep(
            new CredentialPlace(file.Name, program), entry, credential is null ? CredentialOutcome.Empty : CredentialOutcome.Found));
    }

    /// <summary>The helper for an entry with this key. The general one keeps registries as a whole, and parts that have been logged in to.</summary>
    private CredentialProgram? ProgramFor(CredentialFile file, CredentialKey key)
    {
        (CredentialEntry Entry, string Program)[] own = [.. file.Programs.Where(each => each.Entry.Key == key)];
        bool general = key.Path.Length == 0 || file.Entries.Any(entry => entry.Key == key);
        string name = own.Length > 0 ? own[0].Program : general ? file.DefaultProgram : "";
        return name.Length == 0 ? null : new CredentialProgram(name, locations, time);
    }

    /// <summary>The names under which a helper may know the registry: docker's, podman's, and how the file spells it.</summary>
    private static IEnumerable<string> Servers(CredentialFile file, CredentialKey key) =>
        new[] { key.ToDockerText(), key.ToString() }
            .Concat(file.Entries.Concat(file.Programs.Select(each => each.Entry)).Where(entry => entry.Key == key).Select(entry => entry.Text))
            .Distinct();

    private (string Path, CredentialProgram? Program) ChoosePlace(CredentialKey key)
    {
        string[] candidates = locations.ExplicitFile is { } named ? [named] : [.. locations.Files];
        foreach (string path in candidates)
        {
            if (Open(path) is { } file
                && (ProgramFor(file, key) is not null || file.Entries.Any(entry => entry.Key == key) || file.Programs.Any(each => each.Entry.Key == key)))
            {
                return (path, ProgramFor(file, key));
            }
        }

        return locations.DefaultFile is { } choice
            ? (choice, null)
            : throw new MicaException(ErrorKind.Failed, $"nowhere to keep the credential for {key}: there is no home directory");
    }

    private Task ChangeAsync(string path, Func<CredentialFile, bool> change, CancellationToken cancellationToken) =>
        new PrivateFile(path, time, locations.LockTimeout).ChangeAsync(content =>
        {
            var file = CredentialFile.Parse(path, content);
            return change(file) ? file.ToJson() : null;
        }, cancellationToken);

    private IEnumerable<(string Name, CredentialFile? File)> Open()
    {
        // The file that the user named comes before the variable that the environment has.
        foreach (string path in locations.Files.Where(path => path == locations.ExplicitFile))
        {
            yield return (path, Open(path));
        }

        if (OpenVariable() is { } variable)
        {
            yield return (Variable, variable);
        }

        foreach (string path in locations.Files.Where(path => path != locations.ExplicitFile))
        {
            yield return (path, Open(path));
        }
    }

    private CredentialFile? OpenVariable() => string.IsNullOrEmpty(locations.DockerAuthConfig)
        ? null
        : CredentialFile.Parse(Variable, System.Text.Encoding.UTF8.GetBytes(locations.DockerAuthConfig));

    private CredentialFile? Open(string path)
    {
        if (ConfigurationFile.Read(path) is not { } content)
        {
            return null;
        }

        var file = CredentialFile.Parse(path, content);
        if (progress is not null && file.HasSecrets && (File.GetUnixFileMode(path) & UnixFileMode.OtherRead) != 0 && _warned.TryAdd(path, true))
        {
            progress.Report(new Notice($"{Printable.Of(path)}: every user can read the secrets in it; make it private with chmod 600"));
        }

        return file;
    }

    private void WarnOfVariable(CredentialKey key)
    {
        if (OpenVariable() is { } file && file.Entries.Any(entry => entry.Key == key))
        {
            progress?.Report(new Notice($"{Variable} has a credential for {key} too, which is not changed"));
        }
    }
}
