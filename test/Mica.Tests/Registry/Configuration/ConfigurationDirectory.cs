using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

/// <summary>A temporary home directory with configuration files, credential helpers in it, and the notices that came.</summary>
internal sealed class ConfigurationDirectory : IProgress<ProgressEvent>, IDisposable
{
    private static readonly Lazy<string> s_helper = new(WriteHelper);

    public ConfigurationDirectory() => Path = Directory.CreateTempSubdirectory("mica-configuration-").FullName;

    public string Path { get; }

    public ConcurrentQueue<string> Notices { get; } = new();

    public string DockerConfig => At("docker/config.json");

    public string AuthFile => At("run/containers/auth.json");

    public CredentialLocations Locations => new()
    {
        RuntimeDirectory = At("run"),
        ConfigHome = At("config"),
        DockerConfigDirectory = At("docker"),
        ProgramDirectories = [At("bin")],
        ProgramTimeout = TimeSpan.FromSeconds(20),
    };

    public CredentialStore Credentials() => Credentials(Locations);

    public CredentialStore Credentials(CredentialLocations locations) => new(locations, TimeProvider.System, this);

    public string At(string relative) => System.IO.Path.Combine(Path, relative);

    public static string Read(string path) => File.ReadAllText(path);

    public string Write(string relative, string content)
    {
        string path = At(relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    /// <summary>Installs <c>docker-credential-NAME</c>; what it does depends on the name, see the script.</summary>
    public void AddHelper(string name)
    {
        Directory.CreateDirectory(At("bin"));
        File.CreateSymbolicLink(At("bin/docker-credential-" + name), s_helper.Value);
    }

    public string ReadKeychain() => Directory.Exists(At("bin/keychain"))
        ? string.Join('\n', Directory.GetFiles(At("bin/keychain")).Select(File.ReadAllText))
        : "";

    public void Report(ProgressEvent value)
    {
        if (value is Notice notice)
        {
            Notices.Enqueue(notice.Message);
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public static string Auth(string username, string password) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"));

    /// <summary>A file with these entries, each with the password <c>pw</c>.</summary>
    public static string Auths(params (string Key, string Username)[] entries) =>
        "{\"auths\":{" + string.Join(',', entries.Select(entry => $"\"{entry.Key}\":{{\"auth\":\"{Auth(entry.Username, "pw")}\"}}")) + "}}";

    /// <summary>Written once, before anything runs: a script that is being written by one thread cannot be run by another.</summary>
    private static string WriteHelper()
    {
        const string script = """
            #!/bin/sh
            bin="${0%/*}" keychain="${0%/*}/keychain" name="${0##*docker-credential-}"
            echo "$name $1" >> "$bin/calls"
            [ "$name" = deaf ] && { echo "the keychain is locked"; echo "line two" >&2; exit 3; }
            IFS= read -r input
            case "$name" in
                hang) sleep 60 ;;
                noisy) yes; exit 0 ;;
                garbage) echo 'p4ssw0rd is not JSON'; exit 0 ;;
                number) echo '{"Username":"u","Secret":17}'; exit 0 ;;
                leak) echo "cannot keep p4ssw0rd"; exit 1 ;;
                broken) echo "$input{\"Secret\":\"p4ssw0rd\"}"; exit 1 ;;
                silent) exit 4 ;;
                stderr) echo "no session bus" >&2; exit 1 ;;
                daemon) sleep 60 & ;;
            esac
            member() { rest="${entry#*\"$1\":\"}"; value="${rest%%\"*}"; }
            server="$input"
            if [ "$1" = store ]; then entry="$input"; member ServerURL; server="$value"; fi
            file=""
            while [ "${server#*/}" != "$server" ]; do file="$file${server%%/*}_"; server="${server#*/}"; done
            file="$keychain/$file$server"
            case "$1" in
                store) [ -d "$keychain" ] || mkdir "$keychain"
                       printf '%s\n' "$input" > "$file" ;;
                get) [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
                     read -r entry < "$file"; printf '%s\n' "$entry" ;;
                erase) [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
                       rm "$file" ;;
                list) answer=""
                      for file in "$keychain"/*; do
                          [ -f "$file" ] || continue
                          read -r entry < "$file"; member ServerURL; server="$value"; member Username
                          answer="$answer${answer:+,}\"$server\":\"$value\""
                      done
                      printf '{%s}\n' "$answer" ;;
            esac
            """;
        string path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "mica-credential-helper-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));
        File.WriteAllText(path, script.ReplaceLineEndings("\n"));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(path);
        return path;
    }
}
