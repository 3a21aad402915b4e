using Mica.Oci;

namespace Mica.RegistryServer.Configuration;

/// <summary>What goes along while a configuration is read: where relative paths start, the environment, and all that is wrong.</summary>
/// <param name="directory">The directory of the file.</param>
/// <param name="environment">Environment variables.</param>
internal sealed class SettingReader(string directory, Func<string, string?> environment)
{
    private const string Prefix = "MICA_REGISTRY_";
    private readonly List<string> _errors = [];

    public IReadOnlyList<string> Errors => _errors;

    public void Fail(ConfigurationNode at, string path, string message) => _errors.Add($"{at.Location}: {path}: {message}");

    public void Fail(string location, string message) => _errors.Add($"{location}: {message}");

    /// <summary>
    /// The variable for a key: its path in upper case, with <c>_</c> for each dot. Keys are letters only, so no two have the
    /// same. Other variables are left alone: Kubernetes makes <c>MICA_REGISTRY_SERVICE_HOST</c> out of a service's name.
    /// </summary>
    public static string VariableName(string path) => Prefix + path.Replace('.', '_').ToUpperInvariant();

    /// <summary>What the environment says for a key; null for nothing. An empty variable is as good as none.</summary>
    public string? Variable(string path) => path.Length > 0 && environment(VariableName(path)) is { Length: > 0 } text ? text : null;

    public string FullPath(string path) => Path.GetFullPath(path, directory);

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: with a line for each error.</exception>
    public void ThrowIfFailed()
    {
        if (_errors.Count > 0)
        {
            throw new MicaException(ErrorKind.InvalidArgument, string.Join('\n', _errors));
        }
    }
}
